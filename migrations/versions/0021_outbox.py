"""Messages and wishes for plans wait in their own rows: no job beside them (ADR 8)."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

GONE = (
    "notifications.push",
    "notifications.text",
    "notifications.customer",
    "planning.requested",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "plan_wishes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_wishes")),
    )
    op.create_index("ix_plan_wishes_station", "plan_wishes", ["station_id", "id"])
    op.execute(
        "INSERT INTO plan_wishes (station_id, at)"
        " SELECT DISTINCT CAST(args ->> 'station_id' AS uuid), now() FROM procrastinate_jobs"
        " WHERE task_name = 'planning.requested' AND status IN ('todo', 'doing')"
    )
    op.add_column(
        "customer_messages",
        sa.Column(
            "due_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
    )
    op.execute(
        "UPDATE customer_messages m SET due_at = j.scheduled_at FROM procrastinate_jobs j"
        " WHERE j.task_name = 'notifications.customer' AND j.scheduled_at > now()"
        " AND j.args ->> 'message_id' = m.id::text AND m.state = 'queued'"
    )
    op.create_index(
        "ix_customer_messages_due",
        "customer_messages",
        ["due_at"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_dispatches_due",
        "dispatches",
        ["channel", "due_at"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    # What processes of the version before still queue is adopted by the worker (`app.tickers`).
    op.execute(
        sa.text("DELETE FROM procrastinate_jobs WHERE task_name = ANY(:gone)").bindparams(
            sa.bindparam("gone", list(GONE), type_=sa.ARRAY(sa.Text()))
        )
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute(
        "INSERT INTO planning_state (station_id, dirty_seq)"
        " SELECT DISTINCT station_id, 1 FROM plan_wishes ON CONFLICT (station_id)"
        " DO UPDATE SET dirty_seq = planning_state.dirty_seq + 1"
    )
    op.drop_index("ix_dispatches_due", table_name="dispatches")
    op.drop_index("ix_customer_messages_due", table_name="customer_messages")
    op.drop_column("customer_messages", "due_at")
    op.drop_table("plan_wishes")

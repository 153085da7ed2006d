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
    op.alter_column("customer_messages", "due_at", server_default=None)
    op.create_index(
        "ix_customer_messages_due",
        "customer_messages",
        ["due_at"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.execute(
        sa.text("DELETE FROM procrastinate_jobs WHERE task_name = ANY(:gone)").bindparams(
            sa.bindparam("gone", list(GONE), type_=sa.ARRAY(sa.Text()))
        )
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index("ix_customer_messages_due", table_name="customer_messages")
    op.drop_column("customer_messages", "due_at")
    op.drop_table("plan_wishes")

"""What is forgotten, and what is not tried again: drives, visits, crews, the change feed."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OUTCOMES = ("running", "failed", "too_few", "speeds_unknown", "no_better", "written")


def _allow(*outcomes: str) -> None:
    op.drop_constraint(op.f("ck_learning_runs_outcome"), "learning_runs", type_="check")
    listed = ",".join(f"'{outcome}'" for outcome in outcomes)
    op.create_check_constraint(
        op.f("ck_learning_runs_outcome"), "learning_runs", f"outcome IN ({listed})"
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _allow(*OUTCOMES)
    op.create_table(
        "roadless_visits",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_roadless_visits_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "ended_at", name=op.f("pk_roadless_visits")),
    )
    op.create_table(
        "unplaced_crews",
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_unplaced_crews_crew_id")),
        sa.PrimaryKeyConstraint("crew_id", name=op.f("pk_unplaced_crews")),
    )
    op.add_column(
        "drives",
        sa.Column(
            "stretches",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
        ),
    )
    op.create_index(
        "ix_drives_started", "drives", ["started_at"], unique=False, postgresql_using="brin"
    )
    op.create_index(
        "ix_drives_visits",
        "drives",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("kind = 'visit'"),
    )
    op.create_index(
        "ix_change_feed_at", "change_feed", ["at"], unique=False, postgresql_using="brin"
    )
    op.add_column(
        "feed_epoch",
        sa.Column("purged_xid", sa.BigInteger(), server_default="0", nullable=False),
    )
    # Default privileges reach only what the same owner makes.
    op.execute("GRANT SELECT, INSERT, DELETE ON roadless_visits TO paigong_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON unplaced_crews TO paigong_app")
    op.execute("GRANT UPDATE (purged_xid) ON feed_epoch TO paigong_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("REVOKE UPDATE (purged_xid) ON feed_epoch FROM paigong_app")
    op.drop_column("feed_epoch", "purged_xid")
    op.drop_index("ix_change_feed_at", table_name="change_feed", postgresql_using="brin")
    op.drop_index(
        "ix_drives_visits", table_name="drives", postgresql_where=sa.text("kind = 'visit'")
    )
    op.drop_index("ix_drives_started", table_name="drives", postgresql_using="brin")
    op.drop_column("drives", "stretches")
    op.drop_table("unplaced_crews")
    op.drop_table("roadless_visits")
    op.execute("UPDATE learning_runs SET outcome = 'too_few' WHERE outcome = 'speeds_unknown'")
    _allow(*(each for each in OUTCOMES if each != "speeds_unknown"))

"""Why a crew was sent an order is kept beside the assignment."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "sent_reasons",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("moved_from", sa.Uuid(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reason", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "decided_by IN ('plan','commit','danger')", name=op.f("ck_sent_reasons_decided_by")
        ),
        *(
            sa.ForeignKeyConstraint([column], [there], name=op.f(f"fk_sent_reasons_{column}"))
            for column, there in (
                ("assignment_id", "assignments.id"),
                ("order_id", "work_orders.id"),
                ("crew_id", "crews.id"),
                ("run_id", "planning_runs.id"),
                ("moved_from", "crews.id"),
            )
        ),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_sent_reasons")),
    )
    op.create_index("ix_sent_reasons_order", "sent_reasons", ["order_id", "sent_at"])
    op.create_index("ix_sent_reasons_sent_at", "sent_reasons", ["sent_at"], postgresql_using="brin")
    op.create_index(
        "ix_sent_reasons_pending",
        "sent_reasons",
        ["run_id"],
        postgresql_where=sa.text("pending"),
    )
    op.create_index(
        "ix_sent_reasons_moved",
        "sent_reasons",
        ["run_id"],
        postgresql_where=sa.text("moved_from IS NOT NULL"),
    )
    # Default privileges reach only what the same owner makes.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON sent_reasons TO paigong_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("sent_reasons")

"""Reply duties, service policies, customers' messages, and what stopped a clock."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("service_policies", "reply_duties", "message_consents", "customer_messages")
TEXT = sqlmodel.sql.sqltypes.AutoString
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _policies()
    _reply_duties()
    _messages()
    op.add_column(
        "service_profiles",
        sa.Column("reference", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column(
        "work_orders",
        sa.Column("supervision_level", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column("work_order_clocks", sa.Column("stopped_by", TEXT(), nullable=True))
    op.execute(
        "UPDATE work_order_clocks c SET stopped_by = (SELECT e.action FROM work_order_events e"
        " WHERE e.order_id = c.order_id AND e.at = c.stopped_at ORDER BY e.seq DESC LIMIT 1)"
        " WHERE c.stopped_at IS NOT NULL"
    )
    op.add_column("approvals", sa.Column("escalated_at", INSTANT, nullable=True))
    op.alter_column("approvals", "requested_by", existing_type=sa.Uuid(), nullable=True)
    op.alter_column("revisits", "called_by", existing_type=sa.Uuid(), nullable=True)
    # Default privileges reach only what the same owner makes.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO paigong_app")


def _policies() -> None:
    op.create_table(
        "service_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("source", TEXT(), nullable=False),
        sa.Column(
            "rules", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_policies")),
        sa.UniqueConstraint("effective_from", name=op.f("uq_service_policies_effective_from")),
    )


def _reply_duties() -> None:
    op.create_table(
        "reply_duties",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("cause", TEXT(), nullable=False),
        sa.Column("key", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("merged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("reply", TEXT(), nullable=True),
        sa.Column("climbed_at", INSTANT, nullable=True),
        sa.CheckConstraint("kind IN ('urge','supervision')", name=op.f("ck_reply_duties_kind")),
        sa.CheckConstraint(
            "level BETWEEN 0 AND 3 AND (level > 0) = (kind <> 'urge')",
            name=op.f("ck_reply_duties_level"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_reply_duties_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply_duties")),
        sa.UniqueConstraint("order_id", "key", name=op.f("uq_reply_duties_order_id_key")),
    )
    op.create_index(
        "ix_reply_duties_open",
        "reply_duties",
        ["due_at"],
        postgresql_where=sa.text("answered_at IS NULL AND climbed_at IS NULL"),
    )


def _messages() -> None:
    op.create_table(
        "message_consents",
        sa.Column("phone", TEXT(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("how", TEXT(), nullable=False),
        sa.Column("said_at", INSTANT, nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("how IN ('call','form','link')", name=op.f("ck_message_consents_how")),
        sa.PrimaryKeyConstraint("phone", name=op.f("pk_message_consents")),
    )
    op.create_table(
        "customer_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", TEXT(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("phone", TEXT(), nullable=False),
        sa.Column("language", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("promised_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("provider_message_id", TEXT(), nullable=True),
        sa.Column("detail", TEXT(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','sent','failed','unwanted','moot')",
            name=op.f("ck_customer_messages_state"),
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_customer_messages_assignment_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_customer_messages_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_customer_messages_key")),
    )
    op.create_index("ix_customer_messages_order", "customer_messages", ["order_id", "created_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("DELETE FROM revisits WHERE called_by IS NULL")
    op.alter_column("revisits", "called_by", existing_type=sa.Uuid(), nullable=False)
    op.execute("DELETE FROM approvals WHERE requested_by IS NULL")
    op.alter_column("approvals", "requested_by", existing_type=sa.Uuid(), nullable=False)
    op.drop_column("approvals", "escalated_at")
    op.drop_column("work_order_clocks", "stopped_by")
    op.drop_column("work_orders", "supervision_level")
    op.drop_column("service_profiles", "reference")
    for table in reversed(TABLES):
        op.drop_table(table)

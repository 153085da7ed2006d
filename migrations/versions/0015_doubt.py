"""Since when a text may have gone out unseen; indexes for forgetting old messages."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "customer_messages", sa.Column("unsure_since", sa.DateTime(timezone=True), nullable=True)
    )
    # Under the old rule whatever had been tried was asked about first.
    op.execute(
        "UPDATE customer_messages SET unsure_since = created_at"
        " WHERE state = 'queued' AND attempts > 0"
    )
    op.create_index(
        "ix_dispatches_joined",
        "dispatches",
        ["joined_id"],
        postgresql_where=sa.text("joined_id IS NOT NULL"),
    )
    op.create_index("ix_dispatches_created", "dispatches", ["created_at"])
    op.create_index("ix_notifications_created", "notifications", ["created_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index("ix_notifications_created", table_name="notifications")
    op.drop_index("ix_dispatches_created", table_name="dispatches")
    op.drop_index("ix_dispatches_joined", table_name="dispatches")
    op.drop_column("customer_messages", "unsure_since")

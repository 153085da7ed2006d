"""The log of webhooks may be forgotten after its time; it is still never changed."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("GRANT DELETE ON webhook_attempts, webhook_messages TO paigong_app")


def downgrade() -> None:
    op.execute("REVOKE DELETE ON webhook_attempts, webhook_messages FROM paigong_app")

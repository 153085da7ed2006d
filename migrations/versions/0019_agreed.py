"""The split that a member of the crew agrees to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "completion_contributions",
        sa.Column("shares", postgresql.JSONB(none_as_null=True, astext_type=sa.Text())),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_column("completion_contributions", "shares")

"""Recordings have their days: when policy removed the bytes of one; shares of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

RECORDINGS = sa.text("media_type IN ('audio/mp4','video/mp4')")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "evidence_files", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_evidence_files_recordings",
        "evidence_files",
        ["verified_at"],
        unique=False,
        postgresql_where=RECORDINGS,
    )
    op.create_index(
        "ix_evidence_files_owner", "evidence_files", ["owner_id", "declared_at"], unique=False
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index("ix_evidence_files_owner", table_name="evidence_files")
    op.drop_index("ix_evidence_files_recordings", table_name="evidence_files")
    op.drop_column("evidence_files", "removed_at")

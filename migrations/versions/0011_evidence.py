"""Evidence: what files turned out to hold, quarantine, unfinished uploads that expire."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from geoalchemy2 import Geography
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_geospatial_table(
        "evidence_inspections",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "taken_place",
            Geography(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeogFromText",
                name="geography",
            ),
            nullable=True,
        ),
        sa.Column("has_thumbnail", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "signature", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["evidence_files.id"], name=op.f("fk_evidence_inspections_file_id")
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_evidence_inspections")),
    )
    op.create_geospatial_index(
        "idx_evidence_inspections_taken_place",
        "evidence_inspections",
        ["taken_place"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "quarantined_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("media_type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("why", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_quarantined_files_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_quarantined_files_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_quarantined_files_owner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_files")),
    )
    op.create_index("ix_quarantined_files_file", "quarantined_files", ["file_id"], unique=False)
    op.create_index(
        "ix_quarantined_files_kept",
        "quarantined_files",
        ["rejected_at"],
        unique=False,
        postgresql_where=sa.text("purged_at IS NULL"),
    )
    op.create_index(
        op.f("ix_quarantined_files_order_id"), "quarantined_files", ["order_id"], unique=False
    )
    _widen_files()
    # Default privileges reach only what the same owner makes.
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON evidence_inspections, quarantined_files"
        " TO paigong_app"
    )
    op.execute("REVOKE DELETE, TRUNCATE ON quarantined_files FROM paigong_app")


def _widen_files() -> None:
    op.add_column(
        "evidence_files", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("evidence_files", sa.Column("device_id", sa.Uuid(), nullable=True))
    op.add_column(
        "evidence_files", sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    op.add_column("evidence_files", sa.Column("replaces", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        op.f("ck_evidence_files_source"), "evidence_files", "source IN ('camera','gallery')"
    )
    op.create_index(
        "ix_evidence_files_device", "evidence_files", ["device_id", "declared_at"], unique=False
    )
    op.create_index(
        "ix_evidence_files_unfinished",
        "evidence_files",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'receiving'"),
    )
    op.create_unique_constraint(op.f("uq_evidence_files_replaces"), "evidence_files", ["replaces"])
    op.create_foreign_key(
        op.f("fk_evidence_files_replaces"), "evidence_files", "evidence_files", ["replaces"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_evidence_files_device_id"), "evidence_files", "devices", ["device_id"], ["id"]
    )
    # Uploads under way when this lands have a week, as new ones do.
    op.execute(
        "UPDATE evidence_files SET expires_at = now() + interval '7 days' WHERE state = 'receiving'"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_constraint(op.f("fk_evidence_files_device_id"), "evidence_files", type_="foreignkey")
    op.drop_constraint(op.f("fk_evidence_files_replaces"), "evidence_files", type_="foreignkey")
    op.drop_constraint(op.f("uq_evidence_files_replaces"), "evidence_files", type_="unique")
    op.drop_index("ix_evidence_files_unfinished", table_name="evidence_files")
    op.drop_index("ix_evidence_files_device", table_name="evidence_files")
    op.drop_constraint(op.f("ck_evidence_files_source"), "evidence_files", type_="check")
    for column in ("replaces", "source", "device_id", "expires_at"):
        op.drop_column("evidence_files", column)
    op.drop_geospatial_index(
        "idx_evidence_inspections_taken_place",
        table_name="evidence_inspections",
        postgresql_using="gist",
        column_name="taken_place",
    )
    op.drop_geospatial_table("evidence_inspections")
    op.drop_table("quarantined_files")

"""Positions of phones on shift; contractors and settlement units of stations."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from geoalchemy2 import Geography

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_geospatial_table(
        "positions",
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("client_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "place",
            Geography(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeogFromText",
                name="geography",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("accuracy_m", sa.Float(), nullable=False),
        sa.Column("mocked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_positions_technician_id")
        ),
        sa.PrimaryKeyConstraint("technician_id", "client_at", name=op.f("pk_positions")),
    )
    op.create_index("ix_positions_at", "positions", ["at"], unique=False, postgresql_using="brin")
    op.create_index(
        "ix_positions_technician_at", "positions", ["technician_id", "at"], unique=False
    )
    # Default privileges reach only what the same owner makes; a fix is never changed.
    op.execute("GRANT SELECT, INSERT, DELETE ON positions TO paigong_app")
    op.execute("REVOKE UPDATE ON positions FROM paigong_app")
    op.add_column(
        "stations", sa.Column("contractor", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "stations",
        sa.Column("settlement_unit", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_column("stations", "settlement_unit")
    op.drop_column("stations", "contractor")
    op.drop_index("ix_positions_technician_at", table_name="positions")
    op.drop_index("ix_positions_at", table_name="positions", postgresql_using="brin")
    op.drop_geospatial_table("positions")

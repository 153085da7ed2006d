"""Arrival estimates, drives with what is matched, and runs of the nightly learning."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("arrival_estimates", "drives", "matched_spans", "learning_runs")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "learning_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("trigger", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome", sqlmodel.sql.sqltypes.AutoString(), server_default="running", nullable=False
        ),
        sa.Column("drives", sa.Integer(), nullable=True),
        sa.Column("error_before_s", sa.Float(), nullable=True),
        sa.Column("error_after_s", sa.Float(), nullable=True),
        sa.Column("file", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.CheckConstraint(
            "outcome IN ('running','failed','too_few','no_better','written')",
            name=op.f("ck_learning_runs_outcome"),
        ),
        sa.CheckConstraint(
            "trigger IN ('nightly','manual')", name=op.f("ck_learning_runs_trigger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learning_runs")),
    )
    op.create_index(
        "uq_learning_runs_night",
        "learning_runs",
        ["day"],
        unique=True,
        postgresql_where=sa.text("trigger = 'nightly'"),
    )
    op.create_table(
        "matched_spans",
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("to_at >= from_at", name=op.f("ck_matched_spans_forward")),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_matched_spans_crew_id")),
        sa.PrimaryKeyConstraint("crew_id", "from_at", name=op.f("pk_matched_spans")),
    )
    op.create_table(
        "arrival_estimates",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stops_before", sa.Integer(), nullable=False),
        sa.Column("depart_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrive_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("earliest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("start_lon", sa.Float(), nullable=False),
        sa.Column("start_lat", sa.Float(), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("graph_version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hour_bucket", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_arrive_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "source IN ('osrm','estimate')", name=op.f("ck_arrival_estimates_source")
        ),
        sa.CheckConstraint(
            "start_kind IN ('position','on_site','last_visit','station')",
            name=op.f("ck_arrival_estimates_start_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["crew_id"], ["crews.id"], name=op.f("fk_arrival_estimates_crew_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_arrival_estimates_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_arrival_estimates")),
    )
    op.create_index(
        op.f("ix_arrival_estimates_crew_id"), "arrival_estimates", ["crew_id"], unique=False
    )
    op.create_table(
        "drives",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("metres", sa.Integer(), nullable=False),
        sa.Column("road_s", sa.Float(), nullable=False),
        sa.Column("taken_s", sa.Float(), nullable=False),
        sa.Column("class_seconds", sa.ARRAY(sa.Float()), nullable=True),
        sa.Column("hour_bucket", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("graph_version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("observed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('positions','visit')", name=op.f("ck_drives_kind")),
        sa.CheckConstraint("source IN ('osrm','estimate')", name=op.f("ck_drives_source")),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_drives_crew_id")),
        sa.ForeignKeyConstraint(["order_id"], ["work_orders.id"], name=op.f("fk_drives_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drives")),
    )
    op.create_index("ix_drives_crew_started", "drives", ["crew_id", "started_at"], unique=False)
    op.create_index(
        "ix_drives_observed",
        "drives",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("observed"),
    )
    op.create_index(
        "uq_drives_visit",
        "drives",
        ["order_id", "ended_at"],
        unique=True,
        postgresql_where=sa.text("kind = 'visit'"),
    )
    # Default privileges reach only what the same owner makes.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO paigong_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index(
        "uq_drives_visit", table_name="drives", postgresql_where=sa.text("kind = 'visit'")
    )
    op.drop_index("ix_drives_observed", table_name="drives", postgresql_where=sa.text("observed"))
    op.drop_index("ix_drives_crew_started", table_name="drives")
    op.drop_table("drives")
    op.drop_index(op.f("ix_arrival_estimates_crew_id"), table_name="arrival_estimates")
    op.drop_table("arrival_estimates")
    op.drop_table("matched_spans")
    op.drop_index(
        "uq_learning_runs_night",
        table_name="learning_runs",
        postgresql_where=sa.text("trigger = 'nightly'"),
    )
    op.drop_table("learning_runs")

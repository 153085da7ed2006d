"""Phones: clock samples, conflicts, flags, notices, arrival codes, lost devices."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MADE = (
    *("phone_rules", "arrival_codes", "device_clock_samples", "phone_manifests"),
    *("phone_conflicts", "phone_flags", "phone_notices", "completion_contributions"),
)
KEPT = ("phone_conflicts", "phone_flags")
"""Nobody deletes from these."""
OUTCOMES = "'applied','refused'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "phone_rules",
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["users.id"], name=op.f("fk_phone_rules_changed_by")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_phone_rules")),
    )
    op.create_table(
        "arrival_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("label", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('building','box')", name=op.f("ck_arrival_codes_kind")),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_arrival_codes_building_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_arrival_codes_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival_codes")),
        sa.UniqueConstraint("token", name=op.f("uq_arrival_codes_token")),
    )
    op.create_index(
        op.f("ix_arrival_codes_building_id"), "arrival_codes", ["building_id"], unique=False
    )
    op.create_table(
        "device_clock_samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("skew_ms", sa.Integer(), nullable=False),
        sa.Column("offset_min", sa.Integer(), nullable=True),
        sa.Column("boot_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("uptime_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_device_clock_samples_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_device_clock_samples_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_clock_samples")),
    )
    op.create_index(
        "ix_device_clock_samples_at",
        "device_clock_samples",
        ["at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_index(
        "ix_device_clock_samples_device", "device_clock_samples", ["device_id", "id"], unique=False
    )
    op.create_table(
        "phone_manifests",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("commands", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("missing_commands", sa.Integer(), nullable=False),
        sa.Column("missing_files", sa.Integer(), nullable=False),
        sa.Column("differing", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_phone_manifests_device_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phone_manifests_user_id")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_phone_manifests")),
    )
    op.create_table(
        "phone_conflicts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "said", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "stands", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "problem", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolution", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.CheckConstraint(
            "resolution IN ('apply','keep','split')", name=op.f("ck_phone_conflicts_resolution")
        ),
        sa.CheckConstraint(
            "(resolution IS NULL) = (resolved_at IS NULL)", name=op.f("ck_phone_conflicts_resolved")
        ),
        sa.ForeignKeyConstraint(
            ["command_id"], ["phone_commands.id"], name=op.f("fk_phone_conflicts_command_id")
        ),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_phone_conflicts_crew_id")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_phone_conflicts_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_phone_conflicts_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name=op.f("fk_phone_conflicts_resolved_by")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_phone_conflicts_station_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phone_conflicts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_conflicts")),
        sa.UniqueConstraint("command_id", name=op.f("uq_phone_conflicts_command_id")),
    )
    op.create_index(
        "ix_phone_conflicts_open",
        "phone_conflicts",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "ix_phone_conflicts_station", "phone_conflicts", ["station_id", "raised_at"], unique=False
    )
    op.create_index(
        "ix_phone_conflicts_user", "phone_conflicts", ["user_id", "raised_at"], unique=False
    )
    op.create_table(
        "phone_flags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("command_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_by", sa.Uuid(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_phone_flags_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_phone_flags_order_id")
        ),
        sa.ForeignKeyConstraint(["seen_by"], ["users.id"], name=op.f("fk_phone_flags_seen_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_phone_flags_station_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phone_flags_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_flags")),
        sa.UniqueConstraint("key", name=op.f("uq_phone_flags_key")),
    )
    op.create_index("ix_phone_flags_order", "phone_flags", ["order_id"], unique=False)
    op.create_index(
        "ix_phone_flags_station", "phone_flags", ["station_id", "raised_at"], unique=False
    )
    op.create_table(
        "phone_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_phone_notices_order_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phone_notices_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_phone_notices_key")),
    )
    op.create_index(
        "ix_phone_notices_user",
        "phone_notices",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "completion_contributions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "readings", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "parts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "files", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignments.id"],
            name=op.f("fk_completion_contributions_assignment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_completion_contributions_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_completion_contributions_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completion_contributions")),
        sa.UniqueConstraint("command_id", name=op.f("uq_completion_contributions_command_id")),
    )
    op.create_index(
        op.f("ix_completion_contributions_order_id"),
        "completion_contributions",
        ["order_id"],
        unique=False,
    )
    op.add_column("devices", sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("devices", sa.Column("revoked_by", sa.Uuid(), nullable=True))
    op.add_column(
        "devices", sa.Column("revoked_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    op.create_foreign_key(op.f("fk_devices_revoked_by"), "devices", "users", ["revoked_by"], ["id"])
    op.add_column(
        "phone_commands", sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=True)
    )
    _outcomes(f"{OUTCOMES},'conflict','lost'")
    # Default privileges reach only what the same owner makes.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(MADE)} TO paigong_app")
    op.execute(f"REVOKE DELETE, TRUNCATE ON {', '.join(KEPT)} FROM paigong_app")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON completion_contributions FROM paigong_app")


def _outcomes(allowed: str) -> None:
    op.drop_constraint(op.f("ck_phone_commands_outcome"), "phone_commands", type_="check")
    op.create_check_constraint(
        op.f("ck_phone_commands_outcome"), "phone_commands", f"outcome IN ({allowed})"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("phone_conflicts")
    op.execute("UPDATE phone_commands SET outcome = 'refused' WHERE outcome NOT IN ('applied')")
    _outcomes(OUTCOMES)
    op.drop_column("phone_commands", "corrected_at")
    op.drop_constraint(op.f("fk_devices_revoked_by"), "devices", type_="foreignkey")
    op.drop_column("devices", "revoked_why")
    op.drop_column("devices", "revoked_by")
    op.drop_column("devices", "revoked_at")
    op.drop_index(
        op.f("ix_completion_contributions_order_id"), table_name="completion_contributions"
    )
    op.drop_table("completion_contributions")
    op.drop_index(
        "ix_phone_notices_user",
        table_name="phone_notices",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("phone_notices")
    op.drop_index("ix_phone_flags_station", table_name="phone_flags")
    op.drop_index("ix_phone_flags_order", table_name="phone_flags")
    op.drop_table("phone_flags")
    op.drop_table("phone_manifests")
    op.drop_index("ix_device_clock_samples_device", table_name="device_clock_samples")
    op.drop_index(
        "ix_device_clock_samples_at", table_name="device_clock_samples", postgresql_using="brin"
    )
    op.drop_table("device_clock_samples")
    op.drop_index(op.f("ix_arrival_codes_building_id"), table_name="arrival_codes")
    op.drop_table("arrival_codes")
    op.drop_table("phone_rules")

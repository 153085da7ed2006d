"""Every room's tables for one order, from call to pay."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from geoalchemy2 import Geography
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "audit_records",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("principal_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_records")),
    )
    op.create_index(
        "ix_audit_records_subject", "audit_records", ["subject", "subject_id"], unique=False
    )
    op.create_table(
        "catalogue_versions",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_catalogue_versions")),
        sa.UniqueConstraint("effective_from", name=op.f("uq_catalogue_versions_effective_from")),
    )
    op.create_table(
        "change_feed",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "xid",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
        ),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("audience_before", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("audience_after", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_feed")),
    )
    op.create_index(
        "ix_change_feed_after",
        "change_feed",
        ["audience_after"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_change_feed_before",
        "change_feed",
        ["audience_before"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index("ix_change_feed_xid_id", "change_feed", ["xid", "id"], unique=False)
    op.create_table(
        "communities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("district", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communities")),
        sa.UniqueConstraint("name", "district", name=op.f("uq_communities_name_district")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "language", sqlmodel.sql.sqltypes.AutoString(), server_default="zh", nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("customer_no", name=op.f("uq_customers_customer_no")),
    )
    op.create_table(
        "feed_epoch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_epoch")),
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("route", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column(
            "body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", "route", "key", name=op.f("pk_idempotent_answers")),
    )
    op.create_index(
        op.f("ix_idempotent_answers_created_at"), "idempotent_answers", ["created_at"], unique=False
    )
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
    )
    op.create_index(
        "ix_login_attempts_address_at", "login_attempts", ["address", "at"], unique=False
    )
    op.create_index(
        "ix_login_attempts_username_at", "login_attempts", ["username", "at"], unique=False
    )
    op.create_table(
        "rate_cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("point_minor", sa.Integer(), nullable=False),
        sa.Column(
            "rules", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.literal_column("daterange(effective_from, effective_to)"), "&&"),
            using="gist",
            name="ex_rate_cards_overlap",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_cards")),
        sa.UniqueConstraint("name", name=op.f("uq_rate_cards_name")),
    )
    op.create_table(
        "serial_counters",
        sa.Column("series", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_serial_counters")),
    )
    op.create_table(
        "service_profiles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_profiles")),
        sa.UniqueConstraint(
            "name", "effective_from", name=op.f("uq_service_profiles_name_effective_from")
        ),
    )
    op.create_geospatial_table(
        "stations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "area",
            Geography(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeogFromText",
                name="geography",
            ),
            nullable=True,
        ),
        sa.Column(
            "location",
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
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["stations.id"], name=op.f("fk_stations_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        sa.UniqueConstraint("code", name=op.f("uq_stations_code")),
        sa.UniqueConstraint("path", name=op.f("uq_stations_path")),
    )
    op.create_geospatial_index(
        "idx_stations_area",
        "stations",
        ["area"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "idx_stations_location",
        "stations",
        ["location"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "ix_stations_path",
        "stations",
        ["path"],
        unique=False,
        postgresql_ops={"path": "text_pattern_ops"},
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("password_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("display_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("phone", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "language", sqlmodel.sql.sqltypes.AutoString(), server_default="zh", nullable=False
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("prefix", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cardinality(permissions) > 0", name=op.f("ck_api_keys_has_permissions")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_api_keys_created_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_api_keys_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_geospatial_table(
        "buildings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("number", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "location",
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
        sa.Column("original_lon", sa.Float(), nullable=False),
        sa.Column("original_lat", sa.Float(), nullable=False),
        sa.Column("datum", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "zone", sqlmodel.sql.sqltypes.AutoString(), server_default="urban", nullable=False
        ),
        sa.CheckConstraint("datum IN ('wgs84','gcj02','bd09')", name=op.f("ck_buildings_datum")),
        sa.CheckConstraint("zone IN ('urban','rural','remote')", name=op.f("ck_buildings_zone")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_buildings_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_buildings_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buildings")),
        sa.UniqueConstraint(
            "community_id", "number", name=op.f("uq_buildings_community_id_number")
        ),
    )
    op.create_geospatial_index(
        "idx_buildings_location",
        "buildings",
        ["location"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "ix_buildings_address_trgm",
        "buildings",
        ["address"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"address": "gin_trgm_ops"},
    )
    op.create_index(op.f("ix_buildings_station_id"), "buildings", ["station_id"], unique=False)
    op.create_table(
        "cause_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_en", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["catalogue_versions.version"], name=op.f("fk_cause_codes_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cause_codes")),
        sa.UniqueConstraint("version", "code", name=op.f("uq_cause_codes_version_code")),
    )
    op.create_table(
        "crews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "kind", sqlmodel.sql.sqltypes.AutoString(), server_default="standing", nullable=False
        ),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('standing','joint')", name=op.f("ck_crews_kind")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_crews_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crews")),
        sa.UniqueConstraint("code", name=op.f("uq_crews_code")),
    )
    op.create_index(op.f("ix_crews_station_id"), "crews", ["station_id"], unique=False)
    op.create_table(
        "customer_phones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("phone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_phones_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_phones")),
        sa.UniqueConstraint(
            "customer_id", "phone", name=op.f("uq_customer_phones_customer_id_phone")
        ),
    )
    op.create_index(op.f("ix_customer_phones_phone"), "customer_phones", ["phone"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("platform", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("app_version", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("skew_ms", sa.Integer(), nullable=True),
        sa.Column("last_command_seq", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_devices_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_user_id"), "devices", ["user_id"], unique=False)
    op.create_table(
        "fault_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_en", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("domain", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fault_group", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("service_minutes", sa.Integer(), nullable=False),
        sa.Column(
            "skills", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("crew_size", sa.Integer(), nullable=False),
        sa.Column("safety_level", sa.Integer(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("evidence", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("service_class", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("points", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.CheckConstraint("domain IN ('heat','power')", name=op.f("ck_fault_codes_domain")),
        sa.CheckConstraint("owner IN ('U','N','S','-')", name=op.f("ck_fault_codes_owner")),
        sa.CheckConstraint(
            "service_class IN ('E1','E2','H3','H4','C5')", name=op.f("ck_fault_codes_service_class")
        ),
        sa.CheckConstraint(
            "safety_level BETWEEN 1 AND 4", name=op.f("ck_fault_codes_safety_level")
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["catalogue_versions.version"], name=op.f("fk_fault_codes_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fault_codes")),
        sa.UniqueConstraint("version", "code", name=op.f("uq_fault_codes_version_code")),
    )
    op.create_table(
        "planning_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("trigger", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("horizon_s", sa.Integer(), nullable=False),
        sa.Column("budget_s", sa.Float(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "step", sqlmodel.sql.sqltypes.AutoString(), server_default="queued", nullable=False
        ),
        sa.Column("dirty_seq", sa.Integer(), nullable=True),
        sa.Column(
            "result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','running','published','failed')",
            name=op.f("ck_planning_runs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_planning_runs_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planning_runs")),
    )
    op.create_index(
        "ix_planning_runs_station", "planning_runs", ["station_id", "requested_at"], unique=False
    )
    op.create_table(
        "planning_state",
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("dirty_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("planned_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_planning_state_station_id")
        ),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_planning_state")),
    )
    op.create_table(
        "role_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_role_grants_station_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_grants_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
        sa.UniqueConstraint(
            "user_id",
            "role",
            "station_id",
            name=op.f("uq_role_grants_user_id_role_station_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_role_grants_user_id"), "role_grants", ["user_id"], unique=False)
    op.create_table(
        "service_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("service_class", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("domain", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("zone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("clock", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("limit_s", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("kind IN ('average','cap')", name=op.f("ck_service_limits_kind")),
        sa.CheckConstraint("limit_s > 0", name=op.f("ck_service_limits_limit_positive")),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["service_profiles.id"], name=op.f("fk_service_limits_profile_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_limits")),
        sa.UniqueConstraint(
            "profile_id",
            "service_class",
            "domain",
            "zone",
            "clock",
            name=op.f("uq_service_limits_profile_id_service_class_domain_zone_clock"),
        ),
    )
    op.create_index(
        op.f("ix_service_limits_profile_id"), "service_limits", ["profile_id"], unique=False
    )
    op.create_table(
        "technicians",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("employee_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("phone", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_technicians_station_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_technicians_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_technicians")),
        sa.UniqueConstraint("employee_no", name=op.f("uq_technicians_employee_no")),
        sa.UniqueConstraint("user_id", name=op.f("uq_technicians_user_id")),
    )
    op.create_index(op.f("ix_technicians_station_id"), "technicians", ["station_id"], unique=False)
    op.create_geospatial_table(
        "attendance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("clock_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "clock_in_place",
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
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_attendance_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
    )
    op.create_geospatial_index(
        "idx_attendance_clock_in_place",
        "attendance",
        ["clock_in_place"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        op.f("ix_attendance_technician_id"), "attendance", ["technician_id"], unique=False
    )
    op.create_index(
        "uq_attendance_open",
        "attendance",
        ["technician_id"],
        unique=True,
        postgresql_where=sa.text("clock_out_at IS NULL"),
    )
    op.create_table(
        "crew_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('leader','helper','trainee')", name=op.f("ck_crew_members_role")
        ),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_crew_members_crew_id")),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_crew_members_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crew_members")),
    )
    op.create_index(op.f("ix_crew_members_crew_id"), "crew_members", ["crew_id"], unique=False)
    op.create_index(
        op.f("ix_crew_members_technician_id"), "crew_members", ["technician_id"], unique=False
    )
    op.create_index(
        "uq_crew_members_current",
        "crew_members",
        ["crew_id", "technician_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_index(
        "uq_crew_members_leader",
        "crew_members",
        ["crew_id"],
        unique=True,
        postgresql_where=sa.text("role = 'leader' AND until IS NULL"),
    )
    op.create_table(
        "ledger_heads",
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_ledger_heads_technician_id")
        ),
        sa.PrimaryKeyConstraint("technician_id", name=op.f("pk_ledger_heads")),
    )
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("refresh_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("previous_refresh_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_login_sessions_device_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("refresh_hash", name=op.f("uq_login_sessions_refresh_hash")),
    )
    op.create_index(
        op.f("ix_login_sessions_previous_refresh_hash"),
        "login_sessions",
        ["previous_refresh_hash"],
        unique=False,
    )
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "phone_commands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("device_seq", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("body_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("client_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.CheckConstraint(
            "outcome IN ('applied','refused')", name=op.f("ck_phone_commands_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_phone_commands_device_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phone_commands_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_commands")),
    )
    op.create_index(
        "ix_phone_commands_device_seq", "phone_commands", ["device_id", "device_seq"], unique=False
    )
    op.create_table(
        "premises",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("room", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_premises_building_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_premises")),
        sa.UniqueConstraint(
            "building_id", "unit", "room", name=op.f("uq_premises_building_id_unit_room")
        ),
    )
    op.create_geospatial_table(
        "presence",
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("online", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "location",
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
        sa.Column("location_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_presence_technician_id")
        ),
        sa.PrimaryKeyConstraint("technician_id", name=op.f("pk_presence")),
    )
    op.create_geospatial_index(
        "idx_presence_location",
        "presence",
        ["location"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "push_addresses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_push_addresses_device_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_push_addresses_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_addresses")),
        sa.UniqueConstraint(
            "provider", "kind", "address", name=op.f("uq_push_addresses_provider_kind_address")
        ),
    )
    op.create_index(
        op.f("ix_push_addresses_device_id"), "push_addresses", ["device_id"], unique=False
    )
    op.create_index(op.f("ix_push_addresses_user_id"), "push_addresses", ["user_id"], unique=False)
    op.create_table(
        "shifts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "breaks", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_shifts_order")),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_shifts_crew_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
        sa.UniqueConstraint("crew_id", "starts_at", name=op.f("uq_shifts_crew_id_starts_at")),
    )
    op.create_index(op.f("ix_shifts_crew_id"), "shifts", ["crew_id"], unique=False)
    op.create_index("ix_shifts_ends_at", "shifts", ["ends_at"], unique=False)
    op.create_table(
        "technician_skills",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("skill", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("certificate_no", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_technician_skills_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_technician_skills")),
        sa.UniqueConstraint(
            "technician_id", "skill", name=op.f("uq_technician_skills_technician_id_skill")
        ),
    )
    op.create_index(
        op.f("ix_technician_skills_technician_id"),
        "technician_skills",
        ["technician_id"],
        unique=False,
    )
    op.create_table(
        "account_flags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('arrears','suspension','alteration','vulnerable','key_customer')",
            name=op.f("ck_account_flags_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_account_flags_premises_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_flags")),
    )
    op.create_index(
        op.f("ix_account_flags_premises_id"), "account_flags", ["premises_id"], unique=False
    )
    op.create_index(
        "uq_account_flags_open",
        "account_flags",
        ["premises_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "occupancies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("premises_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_occupancies_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_occupancies_premises_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occupancies")),
        sa.UniqueConstraint(
            "customer_id", "premises_id", name=op.f("uq_occupancies_customer_id_premises_id")
        ),
    )
    op.create_index(
        op.f("ix_occupancies_premises_id"), "occupancies", ["premises_id"], unique=False
    )
    op.create_geospatial_table(
        "work_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("serial", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=True),
        sa.Column("premises_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("caller_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("caller_phone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "location",
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
        sa.Column("zone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fault_code_id", sa.Uuid(), nullable=False),
        sa.Column("fault_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fault_group", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("domain", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("service_class", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("service_profile_id", sa.Uuid(), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("notes", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("appointment_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appointment_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrive_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("held_from", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("preferred_crew_id", sa.Uuid(), nullable=True),
        sa.Column("pinned", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("urges", sa.Integer(), server_default="0", nullable=False),
        sa.Column("transfers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rebookings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rework_of", sa.Uuid(), nullable=True),
        sa.Column(
            "evidence_state",
            sqlmodel.sql.sqltypes.AutoString(),
            server_default="none",
            nullable=False,
        ),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "evidence_state IN ('none','incomplete','complete')",
            name=op.f("ck_work_orders_evidence"),
        ),
        sa.CheckConstraint(
            "state IN ('DRAFT','NEW','SENT','ACCEPTED','ENROUTE','ONSITE','WORKING','DONE','REVISIT','CLOSED','HOLD','RETURNED','CANCELLED','MERGED')",
            name=op.f("ck_work_orders_state"),
        ),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_work_orders_building_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_work_orders_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["fault_code_id"], ["fault_codes.id"], name=op.f("fk_work_orders_fault_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["preferred_crew_id"], ["crews.id"], name=op.f("fk_work_orders_preferred_crew_id")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_work_orders_premises_id")
        ),
        sa.ForeignKeyConstraint(
            ["rework_of"], ["work_orders.id"], name=op.f("fk_work_orders_rework_of")
        ),
        sa.ForeignKeyConstraint(
            ["service_profile_id"],
            ["service_profiles.id"],
            name=op.f("fk_work_orders_service_profile_id"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_work_orders_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_orders")),
        sa.UniqueConstraint("serial", name=op.f("uq_work_orders_serial")),
    )
    op.create_geospatial_index(
        "idx_work_orders_location",
        "work_orders",
        ["location"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        op.f("ix_work_orders_building_id"), "work_orders", ["building_id"], unique=False
    )
    op.create_index(
        op.f("ix_work_orders_customer_id"), "work_orders", ["customer_id"], unique=False
    )
    op.create_index(
        "ix_work_orders_open_due",
        "work_orders",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('CLOSED','CANCELLED','MERGED')"),
    )
    op.create_index(
        "ix_work_orders_premises_group", "work_orders", ["premises_id", "fault_group"], unique=False
    )
    op.create_index(op.f("ix_work_orders_rework_of"), "work_orders", ["rework_of"], unique=False)
    op.create_index(
        "ix_work_orders_station_state", "work_orders", ["station_id", "state", "id"], unique=False
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("decision_note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint("action IN ('hold','cancel')", name=op.f("ck_approvals_action")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by",
            name=op.f("ck_approvals_two_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_approvals_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_order_id"), "approvals", ["order_id"], unique=False)
    op.create_index(
        "uq_approvals_pending",
        "approvals",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("how", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("assigned_by", sa.Uuid(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint("how IN ('auto','manual')", name=op.f("ck_assignments_how")),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_assignments_crew_id")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_assignments_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index(
        "ix_assignments_crew_open",
        "assignments",
        ["crew_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(op.f("ix_assignments_order_id"), "assignments", ["order_id"], unique=False)
    op.create_index(
        "uq_assignments_current",
        "assignments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_geospatial_table(
        "evidence_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("media_type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "captured_place",
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
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("in_manifest", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("upload_metadata", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('declared','receiving','verified','rejected')",
            name=op.f("ck_evidence_files_state"),
        ),
        sa.CheckConstraint(
            "received_bytes BETWEEN 0 AND size_bytes", name=op.f("ck_evidence_files_offset")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_evidence_files_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_evidence_files_owner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_files")),
    )
    op.create_geospatial_index(
        "idx_evidence_files_captured_place",
        "evidence_files",
        ["captured_place"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "ix_evidence_files_order", "evidence_files", ["order_id", "state"], unique=False
    )
    op.create_index("ix_evidence_files_sha256", "evidence_files", ["sha256"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("period", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("points", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("rate_card_id", sa.Uuid(), nullable=False),
        sa.Column(
            "inputs", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("explanation_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("explanation_en", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("refers_to", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prev_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('EARN','BONUS','DEDUCT','REVERSE','ADJUST','CARRY')",
            name=op.f("ck_ledger_entries_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_ledger_entries_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["rate_card_id"], ["rate_cards.id"], name=op.f("fk_ledger_entries_rate_card_id")
        ),
        sa.ForeignKeyConstraint(
            ["refers_to"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_refers_to")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_ledger_entries_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint(
            "order_id",
            "rule",
            "technician_id",
            "cause",
            name=op.f("uq_ledger_entries_order_id_rule_technician_id_cause"),
        ),
        sa.UniqueConstraint(
            "technician_id", "seq", name=op.f("uq_ledger_entries_technician_id_seq")
        ),
    )
    op.create_index(
        op.f("ix_ledger_entries_order_id"), "ledger_entries", ["order_id"], unique=False
    )
    op.create_index(op.f("ix_ledger_entries_period"), "ledger_entries", ["period"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','sent','moot','no_address','failed')",
            name=op.f("ck_notifications_state"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_notifications_order_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notifications_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("key", name=op.f("uq_notifications_key")),
    )
    op.create_index("ix_notifications_order", "notifications", ["order_id"], unique=False)
    op.create_index(
        "ix_notifications_user", "notifications", ["user_id", "created_at"], unique=False
    )
    op.create_table(
        "planned_visits",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("arrive_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finish_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("travel_s", sa.Integer(), nullable=False),
        sa.Column("travel_source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_planned_visits_crew_id")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_planned_visits_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["planning_runs.id"], name=op.f("fk_planned_visits_run_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_planned_visits")),
    )
    op.create_index(
        "ix_planned_visits_crew", "planned_visits", ["crew_id", "position"], unique=False
    )
    op.create_table(
        "revisits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("comment", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("called_by", sa.Uuid(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rework_order_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "NOT reached OR solved IS NOT NULL", name=op.f("ck_revisits_reached_answers")
        ),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_revisits_rating")),
        sa.CheckConstraint(
            "reached OR (solved IS NULL AND rating IS NULL)", name=op.f("ck_revisits_unreached")
        ),
        sa.ForeignKeyConstraint(["called_by"], ["users.id"], name=op.f("fk_revisits_called_by")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_revisits_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["rework_order_id"], ["work_orders.id"], name=op.f("fk_revisits_rework_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisits")),
        sa.UniqueConstraint("order_id", "attempt", name=op.f("uq_revisits_order_id_attempt")),
    )
    op.create_table(
        "unplanned_orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reasons", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_unplanned_orders_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["planning_runs.id"], name=op.f("fk_unplanned_orders_run_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_unplanned_orders")),
    )
    op.create_table(
        "work_order_clocks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("span", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_s", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limit_s", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_work_order_clocks_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order_clocks")),
        sa.UniqueConstraint(
            "order_id", "clock", "span", name=op.f("uq_work_order_clocks_order_id_clock_span")
        ),
    )
    op.create_index(
        op.f("ix_work_order_clocks_order_id"), "work_order_clocks", ["order_id"], unique=False
    )
    op.create_index(
        "ix_work_order_clocks_running",
        "work_order_clocks",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_table(
        "work_order_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("from_state", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("to_state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_role", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("client_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("server_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("prev_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_work_order_events_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order_events")),
        sa.UniqueConstraint("order_id", "seq", name=op.f("uq_work_order_events_order_id_seq")),
    )
    op.create_index(
        "ix_work_order_events_server_at", "work_order_events", ["server_at"], unique=False
    )
    op.create_table(
        "completion_records",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("completed_by", sa.Uuid(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("cause_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("summary", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "readings", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "parts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "shares", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "manifest", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "permit", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("signed_by", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_completion_records_assignment_id")
        ),
        sa.ForeignKeyConstraint(
            ["completed_by"], ["users.id"], name=op.f("fk_completion_records_completed_by")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_completion_records_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completion_records")),
        sa.UniqueConstraint(
            "order_id", "attempt", name=op.f("uq_completion_records_order_id_attempt")
        ),
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider_message_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("detail", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["address_id"], ["push_addresses.id"], name=op.f("fk_delivery_attempts_address_id")
        ),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_delivery_attempts_notification_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    op.create_index(
        op.f("ix_delivery_attempts_notification_id"),
        "delivery_attempts",
        ["notification_id"],
        unique=False,
    )
    op.create_table(
        "ledger_standings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("standing", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("why", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "standing IN ('confirmed','locked','settled')",
            name=op.f("ck_ledger_standings_standing"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_ledger_standings_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_standings")),
        sa.UniqueConstraint(
            "entry_id", "standing", name=op.f("uq_ledger_standings_entry_id_standing")
        ),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("completion_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('passed','rejected')", name=op.f("ck_reviews_decision")),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completion_records.id"], name=op.f("fk_reviews_completion_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["work_orders.id"], name=op.f("fk_reviews_order_id")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["users.id"], name=op.f("fk_reviews_reviewed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("completion_id", name=op.f("uq_reviews_completion_id")),
    )
    op.create_index(op.f("ix_reviews_order_id"), "reviews", ["order_id"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index(op.f("ix_reviews_order_id"), table_name="reviews")
    op.drop_table("reviews")
    op.drop_table("ledger_standings")
    op.drop_index(op.f("ix_delivery_attempts_notification_id"), table_name="delivery_attempts")
    op.drop_table("delivery_attempts")
    op.drop_table("completion_records")
    op.drop_index("ix_work_order_events_server_at", table_name="work_order_events")
    op.drop_table("work_order_events")
    op.drop_index(
        "ix_work_order_clocks_running",
        table_name="work_order_clocks",
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.drop_index(op.f("ix_work_order_clocks_order_id"), table_name="work_order_clocks")
    op.drop_table("work_order_clocks")
    op.drop_table("unplanned_orders")
    op.drop_table("revisits")
    op.drop_index("ix_planned_visits_crew", table_name="planned_visits")
    op.drop_table("planned_visits")
    op.drop_index("ix_notifications_user", table_name="notifications")
    op.drop_index("ix_notifications_order", table_name="notifications")
    op.drop_table("notifications")
    op.drop_index(op.f("ix_ledger_entries_period"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_order_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index("ix_evidence_files_sha256", table_name="evidence_files")
    op.drop_index("ix_evidence_files_order", table_name="evidence_files")
    op.drop_geospatial_index(
        "idx_evidence_files_captured_place",
        table_name="evidence_files",
        postgresql_using="gist",
        column_name="captured_place",
    )
    op.drop_geospatial_table("evidence_files")
    op.drop_index(
        "uq_assignments_current",
        table_name="assignments",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("ix_assignments_order_id"), table_name="assignments")
    op.drop_index(
        "ix_assignments_crew_open",
        table_name="assignments",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("assignments")
    op.drop_index(
        "uq_approvals_pending",
        table_name="approvals",
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.drop_index(op.f("ix_approvals_order_id"), table_name="approvals")
    op.drop_table("approvals")
    op.drop_index("ix_work_orders_station_state", table_name="work_orders")
    op.drop_index(op.f("ix_work_orders_rework_of"), table_name="work_orders")
    op.drop_index("ix_work_orders_premises_group", table_name="work_orders")
    op.drop_index(
        "ix_work_orders_open_due",
        table_name="work_orders",
        postgresql_where=sa.text("state NOT IN ('CLOSED','CANCELLED','MERGED')"),
    )
    op.drop_index(op.f("ix_work_orders_customer_id"), table_name="work_orders")
    op.drop_index(op.f("ix_work_orders_building_id"), table_name="work_orders")
    op.drop_geospatial_index(
        "idx_work_orders_location",
        table_name="work_orders",
        postgresql_using="gist",
        column_name="location",
    )
    op.drop_geospatial_table("work_orders")
    op.drop_index(op.f("ix_occupancies_premises_id"), table_name="occupancies")
    op.drop_table("occupancies")
    op.drop_index(
        "uq_account_flags_open",
        table_name="account_flags",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("ix_account_flags_premises_id"), table_name="account_flags")
    op.drop_table("account_flags")
    op.drop_index(op.f("ix_technician_skills_technician_id"), table_name="technician_skills")
    op.drop_table("technician_skills")
    op.drop_index("ix_shifts_ends_at", table_name="shifts")
    op.drop_index(op.f("ix_shifts_crew_id"), table_name="shifts")
    op.drop_table("shifts")
    op.drop_index(op.f("ix_push_addresses_user_id"), table_name="push_addresses")
    op.drop_index(op.f("ix_push_addresses_device_id"), table_name="push_addresses")
    op.drop_table("push_addresses")
    op.drop_geospatial_index(
        "idx_presence_location",
        table_name="presence",
        postgresql_using="gist",
        column_name="location",
    )
    op.drop_geospatial_table("presence")
    op.drop_table("premises")
    op.drop_index("ix_phone_commands_device_seq", table_name="phone_commands")
    op.drop_table("phone_commands")
    op.drop_index(op.f("ix_login_sessions_user_id"), table_name="login_sessions")
    op.drop_index(op.f("ix_login_sessions_previous_refresh_hash"), table_name="login_sessions")
    op.drop_table("login_sessions")
    op.drop_table("ledger_heads")
    op.drop_index(
        "uq_crew_members_leader",
        table_name="crew_members",
        postgresql_where=sa.text("role = 'leader' AND until IS NULL"),
    )
    op.drop_index(
        "uq_crew_members_current",
        table_name="crew_members",
        postgresql_where=sa.text("until IS NULL"),
    )
    op.drop_index(op.f("ix_crew_members_technician_id"), table_name="crew_members")
    op.drop_index(op.f("ix_crew_members_crew_id"), table_name="crew_members")
    op.drop_table("crew_members")
    op.drop_index(
        "uq_attendance_open",
        table_name="attendance",
        postgresql_where=sa.text("clock_out_at IS NULL"),
    )
    op.drop_index(op.f("ix_attendance_technician_id"), table_name="attendance")
    op.drop_geospatial_index(
        "idx_attendance_clock_in_place",
        table_name="attendance",
        postgresql_using="gist",
        column_name="clock_in_place",
    )
    op.drop_geospatial_table("attendance")
    op.drop_index(op.f("ix_technicians_station_id"), table_name="technicians")
    op.drop_table("technicians")
    op.drop_index(op.f("ix_service_limits_profile_id"), table_name="service_limits")
    op.drop_table("service_limits")
    op.drop_index(op.f("ix_role_grants_user_id"), table_name="role_grants")
    op.drop_table("role_grants")
    op.drop_table("planning_state")
    op.drop_index("ix_planning_runs_station", table_name="planning_runs")
    op.drop_table("planning_runs")
    op.drop_table("fault_codes")
    op.drop_index(op.f("ix_devices_user_id"), table_name="devices")
    op.drop_table("devices")
    op.drop_index(op.f("ix_customer_phones_phone"), table_name="customer_phones")
    op.drop_table("customer_phones")
    op.drop_index(op.f("ix_crews_station_id"), table_name="crews")
    op.drop_table("crews")
    op.drop_table("cause_codes")
    op.drop_index(op.f("ix_buildings_station_id"), table_name="buildings")
    op.drop_index(
        "ix_buildings_address_trgm",
        table_name="buildings",
        postgresql_using="gin",
        postgresql_ops={"address": "gin_trgm_ops"},
    )
    op.drop_geospatial_index(
        "idx_buildings_location",
        table_name="buildings",
        postgresql_using="gist",
        column_name="location",
    )
    op.drop_geospatial_table("buildings")
    op.drop_table("api_keys")
    op.drop_table("users")
    op.drop_index(
        "ix_stations_path", table_name="stations", postgresql_ops={"path": "text_pattern_ops"}
    )
    op.drop_geospatial_index(
        "idx_stations_location",
        table_name="stations",
        postgresql_using="gist",
        column_name="location",
    )
    op.drop_geospatial_index(
        "idx_stations_area", table_name="stations", postgresql_using="gist", column_name="area"
    )
    op.drop_geospatial_table("stations")
    op.drop_table("service_profiles")
    op.drop_table("serial_counters")
    op.drop_table("rate_cards")
    op.drop_index("ix_login_attempts_username_at", table_name="login_attempts")
    op.drop_index("ix_login_attempts_address_at", table_name="login_attempts")
    op.drop_table("login_attempts")
    op.drop_index(op.f("ix_idempotent_answers_created_at"), table_name="idempotent_answers")
    op.drop_table("idempotent_answers")
    op.drop_table("feed_epoch")
    op.drop_table("customers")
    op.drop_table("communities")
    op.drop_index("ix_change_feed_xid_id", table_name="change_feed")
    op.drop_index("ix_change_feed_before", table_name="change_feed", postgresql_using="gin")
    op.drop_index("ix_change_feed_after", table_name="change_feed", postgresql_using="gin")
    op.drop_table("change_feed")
    op.drop_table("catalogue_versions")
    op.drop_index("ix_audit_records_subject", table_name="audit_records")
    op.drop_table("audit_records")

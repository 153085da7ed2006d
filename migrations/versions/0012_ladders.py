"""Ladders that climb until heard, what was sent where, webhooks, a wake-up for readers of the feed."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("on_call", "alarms", "dispatches", "webhook_endpoints", "webhook_deliveries")
ADDED_ONLY = ("ladders", "ladder_climbs", "webhook_messages", "webhook_attempts")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "ladders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("classes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "steps", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("burst_s", sa.Integer(), nullable=False),
        sa.Column("keeps_quiet", sa.Boolean(), nullable=False),
        sa.Column("quiet_from", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("quiet_until", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladders")),
        sa.UniqueConstraint("name", "effective_from", name=op.f("uq_ladders_name_effective_from")),
    )
    op.create_table(
        "on_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_on_call_station_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_on_call_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_on_call")),
        sa.UniqueConstraint("station_id", "user_id", name=op.f("uq_on_call_station_id_user_id")),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("secret", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_webhook_endpoints_created_by")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_webhook_endpoints_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_webhook_messages_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_webhook_messages_key")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','sending','delivered','failed')",
            name=op.f("ck_webhook_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_deliveries_endpoint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["webhook_messages.id"], name=op.f("fk_webhook_deliveries_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "endpoint_id", "message_id", name=op.f("uq_webhook_deliveries_endpoint_id_message_id")
        ),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_message_id"), "webhook_deliveries", ["message_id"], unique=False
    )
    op.create_index(
        "ix_webhook_deliveries_open",
        "webhook_deliveries",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("detail", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["webhook_deliveries.id"], name=op.f("fk_webhook_attempts_delivery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index(
        op.f("ix_webhook_attempts_delivery_id"), "webhook_attempts", ["delivery_id"], unique=False
    )
    op.create_table(
        "alarms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("ladder_id", sa.Uuid(), nullable=False),
        sa.Column("steps_taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heard_by", sa.Uuid(), nullable=True),
        sa.Column("red_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_why", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "closed_why IN ('heard','moot','climbed')", name=op.f("ck_alarms_closed_why")
        ),
        sa.ForeignKeyConstraint(["crew_id"], ["crews.id"], name=op.f("fk_alarms_crew_id")),
        sa.ForeignKeyConstraint(["heard_by"], ["users.id"], name=op.f("fk_alarms_heard_by")),
        sa.ForeignKeyConstraint(["ladder_id"], ["ladders.id"], name=op.f("fk_alarms_ladder_id")),
        sa.ForeignKeyConstraint(["order_id"], ["work_orders.id"], name=op.f("fk_alarms_order_id")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_alarms_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("key", name=op.f("uq_alarms_key")),
    )
    op.create_index(
        "ix_alarms_due",
        "alarms",
        ["next_step_at"],
        unique=False,
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
    )
    op.create_index("ix_alarms_order", "alarms", ["order_id"], unique=False)
    op.create_index(
        "ix_alarms_red",
        "alarms",
        ["station_id"],
        unique=False,
        postgresql_where=sa.text("red_at IS NOT NULL AND heard_at IS NULL"),
    )
    op.create_table(
        "ladder_climbs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("left_out", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["alarm_id"], ["alarms.id"], name=op.f("fk_ladder_climbs_alarm_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladder_climbs")),
        sa.UniqueConstraint("alarm_id", "step", name=op.f("uq_ladder_climbs_alarm_id_step")),
    )
    op.create_index("ix_ladder_climbs_at", "ladder_climbs", ["at"], unique=False)
    op.create_table(
        "dispatches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("alarm_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("joined_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','sending','sent','moot','no_address','failed')",
            name=op.f("ck_dispatches_state"),
        ),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarms.id"], name=op.f("fk_dispatches_alarm_id")),
        sa.ForeignKeyConstraint(
            ["joined_id"], ["dispatches.id"], name=op.f("fk_dispatches_joined_id")
        ),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.id"], name=op.f("fk_dispatches_notification_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_dispatches_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
        sa.UniqueConstraint("key", name=op.f("uq_dispatches_key")),
    )
    op.create_index("ix_dispatches_notification", "dispatches", ["notification_id"], unique=False)
    op.create_index(
        "ix_dispatches_open",
        "dispatches",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )
    op.create_index(
        "ix_dispatches_person", "dispatches", ["user_id", "channel", "sent_at"], unique=False
    )
    op.add_column("delivery_attempts", sa.Column("dispatch_id", sa.Uuid(), nullable=True))
    op.add_column(
        "delivery_attempts",
        sa.Column(
            "provider", sqlmodel.sql.sqltypes.AutoString(), server_default="fcm", nullable=False
        ),
    )
    op.add_column(
        "delivery_attempts", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("delivery_attempts", sa.Column("took_ms", sa.Integer(), nullable=True))
    op.add_column(
        "delivery_attempts", sa.Column("brand", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    op.add_column(
        "delivery_attempts",
        sa.Column("app_version", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    )
    op.alter_column("delivery_attempts", "notification_id", existing_type=sa.UUID(), nullable=True)
    op.alter_column("delivery_attempts", "address_id", existing_type=sa.UUID(), nullable=True)
    op.create_index("ix_delivery_attempts_at", "delivery_attempts", ["at"], unique=False)
    op.create_index(
        "ix_delivery_attempts_dispatch", "delivery_attempts", ["dispatch_id"], unique=False
    )
    op.create_foreign_key(
        op.f("fk_delivery_attempts_dispatch_id"),
        "delivery_attempts",
        "dispatches",
        ["dispatch_id"],
        ["id"],
    )
    op.add_column("devices", sa.Column("brand", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("notifications", sa.Column("alarm_id", sa.Uuid(), nullable=True))
    op.create_index("ix_notifications_alarm", "notifications", ["alarm_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_notifications_alarm_id"), "notifications", "alarms", ["alarm_id"], ["id"]
    )
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO paigong_app")
    for table in ADDED_ONLY:
        op.execute(f"REVOKE ALL ON {table} FROM paigong_app")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO paigong_app")
    op.execute(
        "CREATE TRIGGER ladder_climbs_rows BEFORE UPDATE OR DELETE ON ladder_climbs"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER ladder_climbs_truncate BEFORE TRUNCATE ON ladder_climbs"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    # PostgreSQL folds equal notifications of one transaction into one.
    op.execute(
        "CREATE FUNCTION announce_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_notify('change_feed', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER change_feed_announced AFTER INSERT ON change_feed"
        " FOR EACH STATEMENT EXECUTE FUNCTION announce_change()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("DROP TRIGGER change_feed_announced ON change_feed")
    op.execute("DROP FUNCTION announce_change()")
    # What has no push address came with this revision, and goes with it.
    op.execute("DELETE FROM delivery_attempts WHERE address_id IS NULL OR notification_id IS NULL")
    op.drop_constraint(op.f("fk_notifications_alarm_id"), "notifications", type_="foreignkey")
    op.drop_index("ix_notifications_alarm", table_name="notifications")
    op.drop_column("notifications", "alarm_id")
    op.drop_column("devices", "brand")
    op.drop_constraint(
        op.f("fk_delivery_attempts_dispatch_id"), "delivery_attempts", type_="foreignkey"
    )
    op.drop_index("ix_delivery_attempts_dispatch", table_name="delivery_attempts")
    op.drop_index("ix_delivery_attempts_at", table_name="delivery_attempts")
    op.alter_column("delivery_attempts", "address_id", existing_type=sa.UUID(), nullable=False)
    op.alter_column("delivery_attempts", "notification_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("delivery_attempts", "app_version")
    op.drop_column("delivery_attempts", "brand")
    op.drop_column("delivery_attempts", "took_ms")
    op.drop_column("delivery_attempts", "ended_at")
    op.drop_column("delivery_attempts", "provider")
    op.drop_column("delivery_attempts", "dispatch_id")
    op.drop_index("ix_dispatches_person", table_name="dispatches")
    op.drop_index(
        "ix_dispatches_open",
        table_name="dispatches",
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )
    op.drop_index("ix_dispatches_notification", table_name="dispatches")
    op.drop_table("dispatches")
    op.drop_index("ix_ladder_climbs_at", table_name="ladder_climbs")
    op.drop_table("ladder_climbs")
    op.drop_index(
        "ix_alarms_red",
        table_name="alarms",
        postgresql_where=sa.text("red_at IS NOT NULL AND heard_at IS NULL"),
    )
    op.drop_index("ix_alarms_order", table_name="alarms")
    op.drop_index(
        "ix_alarms_due", table_name="alarms", postgresql_where=sa.text("next_step_at IS NOT NULL")
    )
    op.drop_table("alarms")
    op.drop_index(op.f("ix_webhook_attempts_delivery_id"), table_name="webhook_attempts")
    op.drop_table("webhook_attempts")
    op.drop_index(
        "ix_webhook_deliveries_open",
        table_name="webhook_deliveries",
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )
    op.drop_index(op.f("ix_webhook_deliveries_message_id"), table_name="webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_messages")
    op.drop_table("webhook_endpoints")
    op.drop_table("on_call")
    op.drop_table("ladders")

"""What phones say of pushes, what people do about red alarms, limits that count working days."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ENDS = "closed_why IN ('heard','moot','climbed','settled')"
ENDS_BEFORE = "closed_why IN ('heard','moot','climbed')"

# The shipped proposal said so in words, and counted 48 hours.
WORKING_DAYS = """
UPDATE service_limits l SET calendar = 'working_days',
       source = replace(l.source, ', counted as 48 h', '')
  FROM service_profiles p
 WHERE p.id = l.profile_id AND p.name = 'P proposal 2026' AND (
       (l.service_class = 'C5' AND l.clock LIKE 'K%')
       OR l.source = 'W25: revisit in 2 working days, counted as 48 h')
"""

# Alarms at the top of a ladder without a red step: nothing more was going to happen.
CLIMBED = """
UPDATE alarms a SET closed_at = c.at, closed_why = 'climbed'
  FROM (SELECT alarm_id, max(at) AS at FROM ladder_climbs GROUP BY alarm_id) c
 WHERE c.alarm_id = a.id AND a.next_step_at IS NULL AND a.closed_at IS NULL AND a.red_at IS NULL
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "delivery_attempts", sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "service_limits",
        sa.Column(
            "calendar",
            sqlmodel.sql.sqltypes.AutoString(),
            server_default="always",
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_service_limits_calendar"),
        "service_limits",
        "calendar IN ('always','working_days')",
    )
    op.execute(WORKING_DAYS)
    op.drop_constraint(op.f("ck_alarms_closed_why"), "alarms", type_="check")
    op.create_check_constraint(op.f("ck_alarms_closed_why"), "alarms", ENDS)
    op.execute(CLIMBED)
    op.create_table(
        "alarm_replies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('noted','settled')", name=op.f("ck_alarm_replies_kind")),
        sa.ForeignKeyConstraint(
            ["alarm_id"], ["alarms.id"], name=op.f("fk_alarm_replies_alarm_id")
        ),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name=op.f("fk_alarm_replies_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_replies")),
    )
    op.create_index(op.f("ix_alarm_replies_alarm_id"), "alarm_replies", ["alarm_id"], unique=False)
    op.execute("REVOKE ALL ON alarm_replies FROM paigong_app")
    op.execute("GRANT SELECT, INSERT ON alarm_replies TO paigong_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index(op.f("ix_alarm_replies_alarm_id"), table_name="alarm_replies")
    op.drop_table("alarm_replies")
    op.execute("UPDATE alarms SET closed_why = 'moot' WHERE closed_why = 'settled'")
    op.drop_constraint(op.f("ck_alarms_closed_why"), "alarms", type_="check")
    op.create_check_constraint(op.f("ck_alarms_closed_why"), "alarms", ENDS_BEFORE)
    op.drop_constraint(op.f("ck_service_limits_calendar"), "service_limits", type_="check")
    op.drop_column("service_limits", "calendar")
    op.drop_column("delivery_attempts", "arrived_at")

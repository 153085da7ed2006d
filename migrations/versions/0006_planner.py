"""What-if runs, and the problems of the last runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("planning_problems",)
STATES = "'queued','running','published','failed'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "planning_runs",
        sa.Column("publish", sa.Boolean(), server_default="true", nullable=False),
    )
    op.add_column(
        "planning_runs",
        sa.Column(
            "changes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    _states(f"{STATES},'answered'")
    op.create_table(
        "planning_problems",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("planned", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["planning_runs.id"], name=op.f("fk_planning_problems_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_planning_problems_station_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_planning_problems")),
    )
    op.create_index("ix_planning_problems_station", "planning_problems", ["station_id", "run_id"])
    # Default privileges reach only what the same owner makes.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO paigong_app")


def _states(allowed: str) -> None:
    op.drop_constraint(op.f("ck_planning_runs_state"), "planning_runs", type_="check")
    op.create_check_constraint(
        op.f("ck_planning_runs_state"), "planning_runs", f"state IN ({allowed})"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index("ix_planning_problems_station", table_name="planning_problems")
    op.drop_table("planning_problems")
    op.execute("UPDATE planning_runs SET state = 'failed' WHERE state = 'answered'")
    _states(STATES)
    op.drop_column("planning_runs", "changes")
    op.drop_column("planning_runs", "publish")

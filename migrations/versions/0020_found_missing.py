"""What the station found missing when it granted an appeal against a payment."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("pay_appeals", sa.Column("station_points", sa.Numeric(12, 2)))
    # Until now the station agreed to whatever the company named after it.
    op.execute(
        "UPDATE pay_appeals SET station_points = points"
        " WHERE points > 0 AND station_verdict = 'granted' AND company_verdict = 'granted'"
    )
    op.create_check_constraint(
        op.f("ck_pay_appeals_station_points"),
        "pay_appeals",
        "station_points IS NULL OR (station_points > 0 AND station_verdict = 'granted')",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_constraint(op.f("ck_pay_appeals_station_points"), "pay_appeals")
    op.drop_column("pay_appeals", "station_points")

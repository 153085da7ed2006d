"""Which order another one was merged into."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("work_orders", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_work_orders_merged_into"), "work_orders", ["merged_into"])
    op.create_foreign_key(
        op.f("fk_work_orders_merged_into"), "work_orders", "work_orders", ["merged_into"], ["id"]
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_constraint(op.f("fk_work_orders_merged_into"), "work_orders", type_="foreignkey")
    op.drop_index(op.f("ix_work_orders_merged_into"), table_name="work_orders")
    op.drop_column("work_orders", "merged_into")

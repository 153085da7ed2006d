"""Append-only tables, grants of the application's role, and the feed's epoch."""

from uuid import uuid4

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("work_order_events", "ledger_entries", "ledger_standings", "audit_records")


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA public TO paigong_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO paigong_app")
    op.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO paigong_app")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO paigong_app"
    )
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO paigong_app"
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE ON alembic_version, feed_epoch FROM paigong_app")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM paigong_app")
        op.execute(
            f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(f"INSERT INTO feed_epoch (id, epoch) VALUES (1, '{uuid4()}')")


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_rows ON {table}")
        op.execute(f"DROP TRIGGER {table}_truncate ON {table}")
    op.execute("DELETE FROM feed_epoch")

"""Pay: reworks and their causes, findings, appeals, and how a month is closed."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

APPEND_ONLY = ("pay_month_acts", "pay_findings")
KEPT = ("pay_questions", "pay_adjustments", "pay_appeals", "rework_cases")
"""Nobody deletes from these."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "pay_month_acts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("month", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("act", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("by_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "totals", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.CheckConstraint(
            "act IN ('draft','published','locked','settled')", name=op.f("ck_pay_month_acts_act")
        ),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name=op.f("fk_pay_month_acts_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_month_acts")),
    )
    op.create_index(
        "uq_pay_month_acts_once",
        "pay_month_acts",
        ["month", "act"],
        unique=True,
        postgresql_where=sa.text("act <> 'draft'"),
    )
    op.create_table(
        "pay_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('points_a_day','hours_a_day','fast_accepts','impossible_travel')",
            name=op.f("ck_pay_questions_kind"),
        ),
        sa.CheckConstraint(
            "verdict IN ('in_order','to_be_followed_up')", name=op.f("ck_pay_questions_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_pay_questions_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_pay_questions_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_questions")),
        sa.UniqueConstraint(
            "month",
            "technician_id",
            "kind",
            "subject",
            name=op.f("uq_pay_questions_month_technician_id_kind_subject"),
        ),
    )
    op.create_index(op.f("ix_pay_questions_month"), "pay_questions", ["month"], unique=False)
    op.create_index(
        op.f("ix_pay_questions_technician_id"), "pay_questions", ["technician_id"], unique=False
    )
    op.create_table(
        "pay_adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("decision_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (approved IS NULL)", name=op.f("ck_pay_adjustments_decided")
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by",
            name=op.f("ck_pay_adjustments_two_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_pay_adjustments_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_pay_adjustments_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["users.id"], name=op.f("fk_pay_adjustments_proposed_by")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_pay_adjustments_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_adjustments")),
    )
    op.create_index(
        op.f("ix_pay_adjustments_order_id"), "pay_adjustments", ["order_id"], unique=False
    )
    op.create_index(
        op.f("ix_pay_adjustments_technician_id"), "pay_adjustments", ["technician_id"], unique=False
    )
    op.create_table(
        "pay_findings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('late_arrival','late_done','low_rating','complaint','false_proof')",
            name=op.f("ck_pay_findings_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_pay_findings_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_pay_findings_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_pay_findings_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_findings")),
        sa.UniqueConstraint(
            "order_id",
            "technician_id",
            "kind",
            name=op.f("uq_pay_findings_order_id_technician_id_kind"),
        ),
    )
    op.create_index(
        op.f("ix_pay_findings_technician_id"), "pay_findings", ["technician_id"], unique=False
    )
    op.create_table(
        "rework_cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("original_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("found_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cause IN ('workmanship','part','user','network','new_fault')",
            name=op.f("ck_rework_cases_cause"),
        ),
        sa.CheckConstraint(
            "found_by IN ('callback','report')", name=op.f("ck_rework_cases_found_by")
        ),
        sa.CheckConstraint(
            "(cause IS NULL) = (decided_at IS NULL) AND (cause IS NULL) = (reason IS NULL)",
            name=op.f("ck_rework_cases_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_rework_cases_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_rework_cases_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["original_id"], ["work_orders.id"], name=op.f("fk_rework_cases_original_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rework_cases")),
        sa.UniqueConstraint("order_id", name=op.f("uq_rework_cases_order_id")),
    )
    op.create_index(
        op.f("ix_rework_cases_original_id"), "rework_cases", ["original_id"], unique=False
    )
    op.create_table(
        "pay_appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("month", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("raised_by", sa.Uuid(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("station_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("station_verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("station_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("station_by", sa.Uuid(), nullable=True),
        sa.Column("station_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("company_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("company_by", sa.Uuid(), nullable=True),
        sa.Column("company_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("points", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.CheckConstraint(
            "company_verdict IN ('granted','refused')", name=op.f("ck_pay_appeals_company_verdict")
        ),
        sa.CheckConstraint(
            "station_verdict IN ('granted','refused')", name=op.f("ck_pay_appeals_station_verdict")
        ),
        sa.CheckConstraint(
            "company_by IS NULL OR company_by <> station_by",
            name=op.f("ck_pay_appeals_two_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["company_by"], ["users.id"], name=op.f("fk_pay_appeals_company_by")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_pay_appeals_entry_id")
        ),
        sa.ForeignKeyConstraint(["raised_by"], ["users.id"], name=op.f("fk_pay_appeals_raised_by")),
        sa.ForeignKeyConstraint(
            ["station_by"], ["users.id"], name=op.f("fk_pay_appeals_station_by")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technicians.id"], name=op.f("fk_pay_appeals_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_appeals")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_pay_appeals_entry_id")),
    )
    op.create_index(op.f("ix_pay_appeals_month"), "pay_appeals", ["month"], unique=False)
    op.create_index(
        op.f("ix_pay_appeals_technician_id"), "pay_appeals", ["technician_id"], unique=False
    )
    op.add_column(
        "reviews",
        sa.Column(
            "judgement", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    _guard_tables()
    _close_months()
    # Orders that a call-back opened before there were cases.
    op.execute(
        "INSERT INTO rework_cases (id, original_id, order_id, found_by, window_days, proposed_at)"
        " SELECT gen_random_uuid(), rework_of, id, 'callback', 0, reported_at FROM work_orders"
        " WHERE rework_of IS NOT NULL"
    )


def _guard_tables() -> None:
    for table in (*APPEND_ONLY, *KEPT):
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO paigong_app")
        op.execute(f"REVOKE DELETE, TRUNCATE ON {table} FROM paigong_app")
    op.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO paigong_app")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE ON {table} FROM paigong_app")
        op.execute(
            f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _close_months() -> None:
    """No line of pay enters a month that was locked, whoever writes it."""
    op.execute(
        "CREATE FUNCTION refuse_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT 1 FROM pay_month_acts WHERE month = NEW.period AND act = 'locked')"
        " THEN RAISE EXCEPTION 'the month % is closed', NEW.period; END IF;"
        " RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_entries_month BEFORE INSERT ON ledger_entries"
        " FOR EACH ROW EXECUTE FUNCTION refuse_closed_month()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("DROP TRIGGER ledger_entries_month ON ledger_entries")
    op.execute("DROP FUNCTION refuse_closed_month()")
    op.drop_column("reviews", "judgement")
    op.drop_index(op.f("ix_pay_appeals_technician_id"), table_name="pay_appeals")
    op.drop_index(op.f("ix_pay_appeals_month"), table_name="pay_appeals")
    op.drop_table("pay_appeals")
    op.drop_index(op.f("ix_rework_cases_original_id"), table_name="rework_cases")
    op.drop_table("rework_cases")
    op.drop_index(op.f("ix_pay_findings_technician_id"), table_name="pay_findings")
    op.drop_table("pay_findings")
    op.drop_index(op.f("ix_pay_adjustments_technician_id"), table_name="pay_adjustments")
    op.drop_index(op.f("ix_pay_adjustments_order_id"), table_name="pay_adjustments")
    op.drop_table("pay_adjustments")
    op.drop_index(op.f("ix_pay_questions_technician_id"), table_name="pay_questions")
    op.drop_index(op.f("ix_pay_questions_month"), table_name="pay_questions")
    op.drop_table("pay_questions")
    op.drop_index(
        "uq_pay_month_acts_once",
        table_name="pay_month_acts",
        postgresql_where=sa.text("act <> 'draft'"),
    )
    op.drop_table("pay_month_acts")

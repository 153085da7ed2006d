"""Test databases, cloned from a template and put back afterwards by undoing what a test wrote.

A clone costs a tenth of a second of CPU and cold caches at each first connection; putting one
back costs a few milliseconds. Whatever a test does to rows and sequences is undone. When it
touched the schema (a table, column, trigger or function), its database is dropped instead.
"""

from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

_OF_ITSELF = ("spatial_ref_sys", "alembic_version")
"""Tables that no test writes."""
_SCHEMA = "SELECT " + " + ".join(
    # A changed row has another xmin, a dropped one is counted no more.
    f"(SELECT count(*) * 4294967296 + max(xmin::text::bigint) FROM {catalog})"
    for catalog in ("pg_class", "pg_attribute", "pg_trigger", "pg_constraint", "pg_proc")
)
_KEEP = """
CREATE SCHEMA kept;
CREATE TABLE kept.tables (name text, columns text, rows bigint);
CREATE TABLE kept.sequences (name text, last_value bigint, is_called boolean);
CREATE TABLE kept.mark (txid bigint);
DO $keep$
DECLARE t record; n bigint; called boolean;
BEGIN
  FOR t IN
    SELECT c.oid, c.relname AS name, string_agg(quote_ident(a.attname), ', ') AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND NOT c.relname = ANY (%(of_itself)s)
    GROUP BY c.oid, c.relname
  LOOP
    EXECUTE format(
      'CREATE TABLE kept.%%I AS SELECT %%s FROM public.%%I', t.name, t.columns, t.name);
    GET DIAGNOSTICS n = ROW_COUNT;
    INSERT INTO kept.tables VALUES (t.name, t.columns, n);
  END LOOP;
  FOR t IN SELECT relname AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
  LOOP
    EXECUTE format('SELECT last_value, is_called FROM public.%%I', t.name) INTO n, called;
    INSERT INTO kept.sequences VALUES (t.name, n, called);
  END LOOP;
  INSERT INTO kept.mark VALUES (pg_current_xact_id()::text::bigint);
END $keep$;
CREATE FUNCTION kept.put_back() RETURNS void LANGUAGE plpgsql AS $put_back$
DECLARE t record; n bigint; newest bigint; called boolean; known bigint;
BEGIN
  SET LOCAL session_replication_role = replica;  -- no triggers, no foreign keys on the way
  SELECT txid INTO known FROM kept.mark;
  FOR t IN SELECT * FROM kept.tables LOOP
    EXECUTE format('SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM public.%%I', t.name)
      INTO n, newest;
    CONTINUE WHEN n = t.rows AND newest <= known;
    EXECUTE format('DELETE FROM public.%%I', t.name);
    IF t.rows > 0 THEN
      EXECUTE format(
        'INSERT INTO public.%%I (%%s) OVERRIDING SYSTEM VALUE SELECT %%s FROM kept.%%I',
        t.name, t.columns, t.columns, t.name);
    END IF;
  END LOOP;
  FOR t IN SELECT * FROM kept.sequences LOOP
    EXECUTE format('SELECT last_value, is_called FROM public.%%I', t.name) INTO n, called;
    IF (n, called) IS DISTINCT FROM (t.last_value, t.is_called) THEN
      PERFORM setval(format('public.%%I', t.name), t.last_value, t.is_called);
    END IF;
  END LOOP;
  UPDATE kept.mark SET txid = pg_current_xact_id()::text::bigint;
END $put_back$;
"""


def on(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


class Stock:
    """Databases like one template, handed out one at a time and put back.

    `url` is the server's URL as a superuser; `template` the name of a migrated database that
    nobody writes any more and that `prepare` has been called on.
    """

    def __init__(self, url: str, template: str) -> None:
        self._url = url
        self._template = template
        self._name: str | None = None
        self._schema = 0
        self._owner: psycopg.Connection | None = None

    @staticmethod
    def prepare(url: str) -> None:
        """Keep a copy of every row and sequence of this database beside them."""
        with psycopg.connect(url) as owner:
            owner.execute(
                psycopg.ClientCursor(owner).mogrify(_KEEP, {"of_itself": list(_OF_ITSELF)})
            )

    def take(self) -> str:
        """URL of a database that holds what the template holds."""
        if self._name is None:
            self._name = f"paigong_test_{uuid4().hex[:12]}"
            with psycopg.connect(self._url, autocommit=True) as admin:
                # Copying files costs less CPU than PostgreSQL 15's default, the log.
                admin.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                        sql.Identifier(self._name), sql.Identifier(self._template)
                    )
                )
            self._schema = self._fingerprint(self._connection())
        return on(self._url, self._name)

    def give_back(self) -> None:
        """Undo what was written since `take`, or drop the database when its schema changed."""
        owner = self._connection()
        owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if self._fingerprint(owner) == self._schema:
            owner.execute("SELECT kept.put_back()")
        else:
            self.drop()

    def drop(self) -> None:
        """Drop the database in stock, when there is one."""
        if self._owner is not None:
            self._owner.close()
            self._owner = None
        if self._name is not None:
            with psycopg.connect(self._url, autocommit=True) as admin:
                admin.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name))
                )
            self._name = None

    def _connection(self) -> psycopg.Connection:
        """One that lasts as long as the database: a new one knows none of its tables yet."""
        assert self._name is not None
        if self._owner is None or self._owner.closed:
            self._owner = psycopg.connect(on(self._url, self._name), autocommit=True)
        return self._owner

    @staticmethod
    def _fingerprint(owner: psycopg.Connection) -> int:
        row = owner.execute(_SCHEMA).fetchone()
        assert row is not None
        return int(row[0])

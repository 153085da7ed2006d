"""The demo's own database, made afresh for every demo; nobody else's is ever emptied."""

import os
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from app.provision import CannotProvision, ensure_database

NAME = "paigong_demo"
_MARK = "made by paigong demo; emptied by the next one"


def fresh_database() -> str:
    """URL of an empty database for the demo.

    Without `DATABASE_URL`: `paigong_demo` in the project's private cluster, dropped and made
    again. With it: that database, if it is empty or carries the demo's mark. Raises
    CannotProvision with one sentence otherwise.
    """
    chosen = os.environ.get("DATABASE_URL")
    if chosen:
        _empty_if_ours(chosen)
        return chosen
    url = ensure_database(NAME)
    _drop(url)
    return ensure_database(NAME)


def _drop(url: str) -> None:
    parts = urlsplit(url)
    if parts.path != f"/{NAME}":
        raise CannotProvision(f"The demo drops only {NAME}, not {parts.path}.")
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(NAME)))


def _empty_if_ours(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        name, mark = _row(
            owner,
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = current_database()",
        )
        tables = _row(
            owner,
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname = 'public' AND NOT EXISTS (SELECT FROM"
            " pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')",
        )[0]
        if tables and mark != _MARK:
            raise CannotProvision(
                f"DATABASE_URL names the database {name}, which holds tables that no demo made: "
                "give the demo an empty database, or unset DATABASE_URL."
            )
        try:
            if tables:
                owner.execute("DROP SCHEMA public CASCADE")
                owner.execute("CREATE SCHEMA public")
            assert isinstance(name, str)
            mark_it = sql.SQL("COMMENT ON DATABASE {} IS {}")
            owner.execute(mark_it.format(sql.Identifier(name), sql.Literal(_MARK)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise CannotProvision(
                f"DATABASE_URL's user may not empty the database {name}: make it anew."
            ) from error


def _row(owner: psycopg.Connection, statement: str) -> tuple[object, ...]:
    found = owner.execute(statement.encode()).fetchone()
    assert found is not None
    return tuple(found)

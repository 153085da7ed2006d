"""Alembic's environment: models, spatial helpers, and locks that give up instead of queueing."""

from alembic import context
from geoalchemy2 import alembic_helpers as spatial
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from app.core.db import sqlalchemy_url
from app.wiring import import_models

import_models()


def include_object(obj, name, kind, reflected, compare_to):  # type: ignore[no-untyped-def]
    """Leave PostGIS's and procrastinate's own tables alone."""
    if name and name.startswith("procrastinate_"):
        return False
    if kind == "table" and reflected and compare_to is None and name == "spatial_ref_sys":
        return False
    return spatial.include_object(obj, name, kind, reflected, compare_to)


def run() -> None:
    url = context.config.attributes["database_url"]
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            include_object=include_object,
            process_revision_directives=spatial.writer,
            render_item=spatial.render_item,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()

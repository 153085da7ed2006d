"""Shapes that every route shares."""

import ast
import inspect
from collections.abc import Iterator

from pydantic import BaseModel

import app.main  # noqa: F401 - all routes, and with them every kind of page
from app.web.wire import Page


def kinds(of: type[BaseModel]) -> Iterator[type[BaseModel]]:
    kind: type[BaseModel]
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


class TestPage:
    """It does not look for its fields' docstrings, so nobody may write one."""

    def test_every_kind_is_a_page_of_something(self) -> None:
        made = {kind.__pydantic_generic_metadata__["origin"] for kind in kinds(Page)}
        assert made == {Page}

    def test_its_fields_have_no_docstrings(self) -> None:
        [page] = ast.parse(inspect.getsource(Page)).body
        assert isinstance(page, ast.ClassDef)
        assert not any(isinstance(each, ast.Expr) for each in page.body[1:])

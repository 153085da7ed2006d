"""Every documented route of the app, with the permission that its dependencies ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.identity.access import Allow
from app.main import API


@dataclass(frozen=True)
class ApiRoute:
    """A method and a path below `/api/v1`, or a path beside it."""

    method: str
    path: str
    url: str
    """The whole path."""
    allows: tuple[Allow, ...]

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


def api_routes(app: FastAPI) -> list[ApiRoute]:
    """One entry per method and path, documentation pages aside."""
    return [
        ApiRoute(method, route.path.removeprefix(API), route.path, tuple(_allows(route.dependant)))
        for route in iter_route_contexts(app.routes)
        if route.include_in_schema
        for method in sorted(route.methods)
    ]


def _allows(dependant: Any) -> Iterator[Allow]:
    for each in dependant.dependencies:
        if isinstance(each.call, Allow):
            yield each.call
        yield from _allows(each)

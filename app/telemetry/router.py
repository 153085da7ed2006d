"""`GET /metrics` for Prometheus, behind a permission of its own: give the scraper an API key."""

from collections.abc import Iterator
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.core import clock
from app.core.db import Database
from app.core.feed import Cursor
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow_briefly
from app.telemetry import figures
from app.web.wire import problem_responses

router = APIRouter(tags=["metrics"])
Samples = list[tuple[list[str], float]]


class Streams(Protocol):
    """What this process's event streams tell of themselves; their room lies above this one."""

    @property
    def position(self) -> Cursor | None: ...

    @property
    def open_streams(self) -> int: ...


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=problem_responses(400, 401, 403, 429, 503),
)
async def read_metrics(
    request: Request, _: Annotated[Principal, allow_briefly(P.METRICS_READ)]
) -> PlainTextResponse:
    """Feed lag, age of queues, climbs of ladders, attempts at providers, planning time."""
    database: Database = request.app.state.database
    values: dict[str, object] = {"now": clock.now(), "real": clock.real_now()}
    hub: Streams = request.app.state.stream
    async with database.transaction() as session:
        told = await figures.read(session, values)
        lag = await figures.stream_lag(session, clock.now(), hub.position)
    own = figures.Figure(
        "paigong_open_streams", "Event streams open on the process that answers.", "gauge", (), ""
    )
    streams: Samples = [([], float(hub.open_streams))]
    registry = CollectorRegistry()
    registry.register(_Told([*told, (own, streams), lag]))
    text = generate_latest(registry).decode()
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


class _Told:
    """The figures of one scrape, as the client library collects them."""

    def __init__(self, told: list[tuple[figures.Figure, Samples]]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        for figure, samples in self._told:
            family: Any = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            metric = family(figure.name, figure.help, labels=list(figure.labels))
            for labels, value in samples:
                metric.add_metric(labels, value)
            yield metric

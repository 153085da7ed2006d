"""Instants that clients name: which years are refused, and where none is."""

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, ValidationError

from app.core.times import Moment, shown
from app.evidence.tus import parse_metadata
from app.mobile.schemas import CommandIn
from tests.app.mobile.said import filled

FLAT = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)
FOOLISH = {
    "1970-01-01T08:03:00+08:00": FLAT,
    "2107-12-31T23:59:59Z": datetime(2107, 12, 31, 23, 59, 59, tzinfo=UTC),
    "0001-01-01T00:00:00+14:00": datetime(1900, 1, 1, tzinfo=UTC),
    "-000001-01-01T00:00:00.000Z": datetime(1900, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59-14:00": datetime(2500, 1, 1, tzinfo=UTC),
    "+010000-01-01T00:00:00.000Z": datetime(2500, 1, 1, tzinfo=UTC),
}


class Asked(BaseModel):
    at: Moment


def completed(client_at: str, captured_at: str) -> CommandIn:
    """As it comes over the wire."""
    said: dict[str, Any] = {
        "id": uuid4(),
        "device_seq": 1,
        "kind": "complete",
        "order_id": uuid4(),
        "client_at": client_at,
        "completion": {
            "permit": {"closed_at": client_at},
            "manifest": [{"captured_at": captured_at}],
        },
    }
    return CommandIn.model_validate(filled(said))


def uploaded(captured_at: str) -> datetime | None:
    pairs = {"file_id": str(uuid4()), "captured_at": captured_at}
    header = ",".join(f"{key} {base64.b64encode(s.encode()).decode()}" for key, s in pairs.items())
    return parse_metadata(header).captured_at


class TestFoolishClocks:
    @pytest.mark.parametrize(("said", "at"), FOOLISH.items())
    def test_what_a_phone_shows_is_taken_as_far_as_it_can_be_kept(
        self, said: str, at: datetime
    ) -> None:
        told = completed(said, said)
        assert told.completion is not None and told.completion.permit is not None
        assert told.client_at == told.completion.permit.closed_at == at
        assert told.completion.manifest[0].captured_at == uploaded(said) == at
        assert shown(said) == at

    def test_what_is_no_time_at_all(self) -> None:
        told = completed("2026-01-15T08:00:00Z", "yesterday")
        assert told.completion is not None and told.completion.manifest[0].captured_at is None
        assert uploaded("yesterday") is None
        assert shown("yesterday") is shown("2026-01-15T08:00:00") is None
        with pytest.raises(ValidationError):
            completed("yesterday", "yesterday")

    def test_a_phone_is_believed_its_offset(self) -> None:
        at = shown("1970-01-01T08:03:00+08:00")
        assert at is not None and str(at.utcoffset()) == "8:00:00"

    @pytest.mark.parametrize("said", [*FOOLISH, "2026-01-15T08:00:00"])
    def test_what_people_ask_for_has_a_year_that_can_be_meant(self, said: str) -> None:
        with pytest.raises(ValidationError):
            Asked.model_validate({"at": said})

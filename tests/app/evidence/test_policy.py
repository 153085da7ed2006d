"""Which files are demanded, and what first bytes tell."""

from typing import get_args

import pytest

from app.completions.policy import Outcome
from app.evidence.policy import (
    FILE_LETTERS,
    OUTCOMES,
    READING_LETTERS,
    media_allowed,
    media_types_of,
    needed,
)
from tests.app.evidence.at_work import jpeg, png

RISER = frozenset("AFBRTPW")


class TestNeeded:
    def test_a_repair_shows_the_fault_s_whole_set_and_the_check_in_is_no_file(self) -> None:
        assert needed(RISER, "fixed") == (frozenset("FBW"), frozenset("RTP"))

    def test_nobody_inside_asks_for_one_proof_photo_only(self) -> None:
        for outcome in ("absent", "refused", "wrong_dispatch", "fixed_by_phone"):
            assert needed(RISER, outcome) == (frozenset("F"), frozenset())

    def test_no_fault_found_is_proved_by_readings(self) -> None:
        assert needed(RISER | {"G", "X"}, "no_fault_found") == (
            frozenset("FG"),
            frozenset("RTP"),
        )

    def test_work_handed_over_shows_before_after_and_permit(self) -> None:
        assert needed(RISER, "handed_over") == (frozenset("FBW"), frozenset())

    def test_an_unknown_outcome_is_held_to_everything(self) -> None:
        assert needed(RISER, "None") == needed(RISER, "fixed")

    def test_every_outcome_of_the_record_has_a_rule(self) -> None:
        assert set(get_args(Outcome)) == OUTCOMES

    def test_a_letter_is_a_file_or_a_reading_never_both(self) -> None:
        assert not FILE_LETTERS & READING_LETTERS


def _box(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00" * 12


class TestMediaTypes:
    @pytest.mark.parametrize(
        ("head", "media_type"),
        [
            (jpeg()[:32], "image/jpeg"),
            (png()[:32], "image/png"),
            (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
            (_box(b"heic"), "image/heic"),
            (_box(b"mif1"), "image/heic"),
            (_box(b"isom"), "video/mp4"),
            (_box(b"M4A "), "audio/mp4"),
            (_box(b"mp42"), "audio/mp4"),
        ],
    )
    def test_the_first_bytes_name_the_type(self, head: bytes, media_type: str) -> None:
        assert media_type in media_types_of(head)

    @pytest.mark.parametrize(
        "head", [b"", b"<html><script>", b"MZ\x90\x00", b"%PDF-1.7", b"PK\x03\x04", _box(b"qt  ")]
    )
    def test_what_no_camera_makes_is_no_type_of_ours(self, head: bytes) -> None:
        assert media_types_of(head) == frozenset()

    def test_a_video_is_asked_for_where_a_video_is_demanded(self) -> None:
        assert media_allowed("C") == {"video/mp4"}
        assert "video/mp4" not in media_allowed("F")
        assert "audio/mp4" in media_allowed("X")

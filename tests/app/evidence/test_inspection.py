"""Opening files in the decoding process: what is taken, what is rejected and by which name."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.evidence import limits
from app.evidence.errors import EvidenceCheckBusy
from app.evidence.inspection.findings import REJECTIONS, Findings, RejectionCode, Task
from app.evidence.inspection.inspector import Decoder, DecoderLost, Inspector
from app.evidence.policy import MediaType, media_types_of
from tests.app.evidence.at_work import jpeg, png
from tests.app.evidence.recordings import (
    TEXT,
    archive,
    bomb,
    garbled,
    photo,
    picture,
    sound,
    strokes,
    video,
)

PAGE = b"<!DOCTYPE html><script>alert(1)</script>"
COMMENT = b"\xff\xfe\x00\x2a" + PAGE
JPEG: MediaType = "image/jpeg"
HEIC: MediaType = "image/heic"


def task(path: Path, media_type: str, **changed: int) -> Task:
    values = limits.read(None).decoding.model_dump(exclude={"wall_s"}) | changed
    return Task(path=str(path), media_type=media_type, **values)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """One for all: starting it costs half a second, asking it a hundredth."""
    made = Decoder()
    yield made
    made.close()


class Opened:
    """Opens bytes as a media type."""

    def __init__(self, decoder: Decoder, folder: Path) -> None:
        self.decoder, self.path = decoder, folder / "file"

    def __call__(self, content: bytes, media_type: str, **changed: int) -> Findings:
        self.path.write_bytes(content)
        answer = self.decoder.ask(task(self.path, media_type, **changed), 30.0)
        return Findings.model_validate_json(answer)


@pytest.fixture
def opened(decoder: Decoder, tmp_path: Path) -> Opened:
    return Opened(decoder, tmp_path)


class TestTaken:
    @pytest.mark.parametrize(
        ("format_", "media_type"),
        [("JPEG", JPEG), ("PNG", "image/png"), ("WEBP", "image/webp"), ("HEIF", HEIC)],
    )
    def test_pictures_of_every_kind_have_a_size_and_a_thumbnail(
        self, opened: Opened, format_: str, media_type: str
    ) -> None:
        found = opened(picture(format_), media_type, thumbnail_px=32)
        assert (found.why, found.width, found.height) == (None, 96, 64)
        small = opened(_bytes_of(found), "image/webp")
        assert (small.why, small.width, small.height) == (None, 32, 21)

    @pytest.mark.parametrize(
        "appended",
        [
            pytest.param(b"\0" * 100, id="padding"),
            pytest.param(picture("JPEG"), id="gain map"),
            pytest.param(video(), id="motion photo"),
            pytest.param(b"\0\0\x01\x08Image_UTC_Data" + b"SEFH\x6b" * 9 + b"SEFT", id="trailer"),
        ],
    )
    def test_what_cameras_append_is_no_polyglot(self, opened: Opened, appended: bytes) -> None:
        assert opened(jpeg() + appended, JPEG).why is None

    def test_recordings_tell_their_length_and_size(self, opened: Opened) -> None:
        film = opened(video(3), "video/mp4")
        assert (film.why, film.duration_ms, film.width, film.height) == (None, 3000, 96, 64)
        heard = opened(sound(), "audio/mp4")
        assert (heard.why, heard.duration_ms, heard.thumbnail) == (None, 2000, None)

    def test_strokes_tell_who_signed_which_text(self, opened: Opened) -> None:
        found = opened(strokes(), "application/json").signature
        assert found is not None
        assert (found.language, found.text, found.signed_by) == ("zh", TEXT, "王女士")
        assert found.strokes == 2

    def test_time_and_place_are_the_camera_s(self, opened: Opened) -> None:
        here = photo("2026:01:15 10:00:00", "+08:00", (117.03, -36.64))
        found = opened(here, JPEG)
        assert found.taken_at == "2026-01-15T02:00:00+00:00"
        assert found.taken_place == (117.03, -36.64)
        bare = opened(photo("2026:01:15 10:00:00", turned=True), JPEG)
        assert (bare.taken_at, bare.taken_place) == ("2026-01-15T10:00:00", None)
        assert (bare.width, bare.height) == (32, 64)

    def test_nonsense_of_a_camera_counts_as_nothing(self, opened: Opened) -> None:
        found = opened(photo("0000:00:00 00:00:00", "+99:00", (0.0, 0.0)), JPEG)
        assert (found.why, found.taken_at, found.taken_place) == (None, None, None)


def _bytes_of(found: Findings) -> bytes:
    assert found.thumbnail is not None
    return base64.b64decode(found.thumbnail)


REJECTED: list[tuple[str, bytes, MediaType, RejectionCode]] = [
    ("zip behind", jpeg() + archive(), JPEG, "foreign-data"),
    ("page behind", jpeg() + PAGE, JPEG, "foreign-data"),
    ("page behind the gain map", jpeg() + jpeg() + PAGE, JPEG, "foreign-data"),
    (
        "page in a comment",
        jpeg()[:2] + COMMENT + jpeg()[2:],
        JPEG,
        "foreign-data",
    ),
    ("program behind", png() + b"MZ\x90\x00" + b"\x01" * 60, "image/png", "foreign-data"),
    ("zip behind a HEIC", picture("HEIF") + archive(), HEIC, "foreign-data"),
    ("page behind a video", video() + PAGE, "video/mp4", "foreign-data"),
    ("half a JPEG", jpeg()[:-2000], JPEG, "truncated"),
    ("half a PNG", png()[:-30], "image/png", "truncated"),
    ("half a WebP", picture("WEBP")[:-100], "image/webp", "truncated"),
    ("half a HEIC", picture("HEIF")[:-100], HEIC, "truncated"),
    ("half a video", video()[:-100], "video/mp4", "truncated"),
    ("video without its index", video()[: video().index(b"moov") - 4], "video/mp4", "truncated"),
    ("garbled", garbled(), JPEG, "undecodable"),
    ("bomb", bomb(60_000), "image/png", "too-many-pixels"),
    ("sound as a video", sound(b"isom"), "video/mp4", "not-what-it-claims"),
    ("video as a sound", video(), "audio/mp4", "not-what-it-claims"),
    ("no strokes", strokes(strokes=[]), "application/json", "undecodable"),
    ("other text", strokes(text_sha256="0" * 64), "application/json", "signed-text-differs"),
    ("other language", strokes(text="fixed"), "application/json", "signed-text-differs"),
]


class TestRejected:
    @pytest.mark.parametrize(
        ("content", "media_type", "code"),
        [pytest.param(*each[1:], id=each[0]) for each in REJECTED],
    )
    def test_by_name(
        self, opened: Opened, content: bytes, media_type: MediaType, code: RejectionCode
    ) -> None:
        assert media_type in media_types_of(content[:32])  # the first bytes alone say nothing
        assert opened(content, media_type).why == code

    def test_what_takes_more_than_it_may(self, opened: Opened) -> None:
        assert opened(bomb(7000), "image/png", memory_bytes=250_000_000).why == "costs-too-much"
        assert opened(video(3), "video/mp4", media_s=2).why == "too-long"

    def test_every_name_is_explained_to_the_technician(self) -> None:
        codes = set(RejectionCode.__args__)  # type: ignore[attr-defined]
        assert codes == set(REJECTIONS)
        assert {each[3] for each in REJECTED} < codes


class TestDecoder:
    def test_one_that_hangs_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(jpeg())
        decoder = Decoder()
        assert b"900" in decoder.ask(task(path, JPEG), 30.0)
        with pytest.raises(DecoderLost):
            decoder.ask(task(path, JPEG), 0.0)
        assert b"900" in decoder.ask(task(path, JPEG), 30.0)
        decoder.close()

    async def test_a_file_that_beats_the_clock_is_rejected_the_third_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Scripted:
            def ask(self, task: Task, _wall_s: float) -> bytes:
                if answers.pop(0):
                    return b'{"width":7}'
                raise DecoderLost

            def close(self) -> None:
                pass

        plain = limits.read(None)
        monkeypatch.setattr(limits, "current", lambda: plain)
        monkeypatch.setattr("app.evidence.inspection.inspector.Decoder", Scripted)
        slow, sound = tmp_path / "slow", tmp_path / "sound"
        inspector = Inspector(processes=1)
        answers = [False, False, False, False, True, False, False, False, False]

        async def told(path: Path) -> object:
            try:
                found = await inspector.inspect(path, JPEG)
            except EvidenceCheckBusy:
                return "busy"
            return found.why or found.width

        assert [await told(slow) for _ in range(2)] == ["busy", "busy"]
        assert await told(sound) == "busy", "each file by itself"
        assert await told(slow) == "costs-too-much"
        assert [await told(sound) for _ in range(3)] == [7, "busy", "busy"], "counted in a row"
        assert [await told(sound), await told(slow)] == ["costs-too-much", "busy"]
        inspector.close()

    def test_a_child_that_was_killed_may_come_again(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("x")
        line = task(path, "kill").model_dump_json()
        run = subprocess.run(
            [sys.executable, "-c", TAKEN_OVER], input=line, capture_output=True, text=True
        )
        assert (run.stdout, run.returncode) == ("", 1), run.stderr
        assert "killed" in run.stderr

    def test_a_decoder_that_was_taken_over_reaches_nothing(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        lines = "\n".join(
            task(secret, media_type, cpu_s=1).model_dump_json()
            for media_type in ("open", "connect", "write", "loop", "answer")
        )
        run = subprocess.run(
            [sys.executable, "-c", TAKEN_OVER], input=lines, capture_output=True, text=True
        )
        assert run.stdout.splitlines() == [
            '{"why": "undecodable"}',
            '{"why": "undecodable"}',
            '{"why": "undecodable"}',
            '{"why": "costs-too-much"}',
            '{"width":7}',
        ], run.stderr


TAKEN_OVER = """
import os, socket
from app.evidence.inspection import process
from app.evidence.inspection.findings import Findings

def taken_over(data, task):
    try:
        if task.media_type == "open":
            open("/etc/hostname")
        elif task.media_type == "connect":
            socket.socket()
        elif task.media_type == "write":
            os.write(1, b'{"width":9}')
        elif task.media_type == "kill":
            os.kill(os.getpid(), 9)
        elif task.media_type == "loop":
            while True:
                pass
        return Findings(width=7)
    except OSError:
        os._exit(1)

process.examine = taken_over
process.main()
"""

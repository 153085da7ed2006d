"""Site photos and signatures: real files, small, and the same for the same seed."""

import io
import json
from datetime import UTC, datetime

import pytest
from PIL import Image

from app.demo.pictures import signature, site_photo

AT = datetime(2027, 1, 13, 0, 15, tzinfo=UTC)


class TestSitePhoto:
    @pytest.mark.parametrize("seed", ["1-before", "2-after", "x"])
    def test_is_a_jpeg_of_30_to_80_kilobytes(self, seed: str) -> None:
        data = site_photo(seed, ["HW-20270113-0001", "117.00123 36.65012"], AT)
        picture = Image.open(io.BytesIO(data))
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", (640, 480))
        assert 30_000 <= len(data) <= 80_000
        assert picture.getexif().get_ifd(0x8769)[0x9003] == "2027:01:13 00:15:00"

    def test_seed_and_text_decide_the_bytes(self) -> None:
        first = site_photo("1", ["A"], AT)
        assert site_photo("1", ["A"], AT) == first
        assert site_photo("2", ["A"], AT) != first
        assert site_photo("1", ["B"], AT) != first


class TestSignature:
    def test_is_a_png_drawn_from_its_strokes(self) -> None:
        drawn = signature("1")
        picture = Image.open(io.BytesIO(drawn.png))
        body = json.loads(drawn.strokes_json)
        assert (picture.format, picture.size) == ("PNG", (body["width"], body["height"]))
        for x, y, _ in body["strokes"][0]:
            ink = picture.getpixel((x, y))
            assert isinstance(ink, int)
            assert ink < 128

    def test_the_seed_decides_the_bytes(self) -> None:
        assert signature("1") == signature("1")
        assert signature("1").png != signature("2").png

"""Pictures of plans: well-formed, self-contained, and every order and crew is on them."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.rich_generator import generate
from dispatch import Plan, Problem, replan
from dispatch.drawing import Box, Dot, Line, Picture, Text
from dispatch.formats.rich import places_of, read_rich
from dispatch.gantt import clock
from dispatch.plot import MAP, colours, draw, picture

SVG = "{http://www.w3.org/2000/svg}"


def planned() -> tuple[Problem, Plan, list[tuple[float, float]]]:
    instance = generate(40, "tight", 2)
    question = read_rich(instance)
    spare = iter(str(n) for n in range(40))
    plan = replan(question, {crew.id: [next(spare) for _ in range(6)] for crew in question.crews})
    places = places_of(instance)
    assert places is not None
    assert plan.crew_of
    assert plan.unassigned
    return question, plan, places


def svg_of(page: Path) -> ET.Element:
    text = page.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    root = ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - our own page
    found = root.find(f"body/{SVG}svg")
    assert found is not None
    return found


def test_html_is_well_formed_and_needs_nothing_else(tmp_path: Path) -> None:
    question, plan, places = planned()
    page = tmp_path / "plan.html"
    draw(question, plan, page, places=places, title="a <day> & more")
    text = page.read_text("utf-8")
    assert "a &lt;day&gt; &amp; more" in text
    for outside in ("<script", "href=", "src=", "url(", "@import"):
        assert outside not in text
    titles = [each.text or "" for each in svg_of(page).iter(f"{SVG}title")]
    for order_id, crew_id in plan.crew_of.items():
        assert any(title.startswith(f"order {order_id}, crew {crew_id}: ") for title in titles)
        assert any(title.startswith(f"order {order_id}: stop ") for title in titles)
    for order_id in plan.unassigned:
        assert any(title.startswith(f"order {order_id} is not in the plan") for title in titles)
    for crew in question.crews:
        assert any(title.startswith(f"crew {crew.id}: ") for title in titles)


def test_nothing_lies_outside_the_picture() -> None:
    drawn = picture(*planned()[:2], planned()[2])
    for layer in drawn.layers:
        for shape in layer:
            match shape:
                case Box():
                    xs, ys = [shape.x, shape.x + shape.width], [shape.y, shape.y + shape.height]
                case Line():
                    xs, ys = [x for x, _ in shape.points], [y for _, y in shape.points]
                case Dot() | Text():
                    xs, ys = [shape.x], [shape.y]
            assert min(xs) >= 0
            assert max(xs) <= drawn.width
            assert min(ys) >= 0
            assert max(ys) <= drawn.height


def test_png_is_an_image_of_that_size(tmp_path: Path) -> None:
    question, plan, places = planned()
    draw(question, plan, tmp_path / "plan.png", places=places)
    with Image.open(tmp_path / "plan.png") as image:
        image.load()
        wanted = picture(question, plan, places)
        assert image.size == (round(2 * wanted.width), round(2 * wanted.height))
        assert len(image.getcolors(2**16) or []) > 20


def test_without_places_there_is_only_the_chart() -> None:
    question, plan, places = planned()
    assert picture(question, plan).width == pytest.approx(
        picture(question, plan, places).width - MAP - 24
    )


def test_a_plan_without_orders_can_be_drawn(tmp_path: Path) -> None:
    question, _, places = planned()
    draw(question, replan(question, {}), tmp_path / "empty.html", places=places)
    assert svg_of(tmp_path / "empty.html").get("viewBox") is not None


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not plan\.pdf"):
        Picture(width=1, height=1, layers=[]).write(tmp_path / "plan.pdf", "x")


def test_colours_differ_and_clock_shows_days() -> None:
    assert len(set(colours(125))) == 125
    assert clock(8 * 3600 + 1800) == "08:30"
    assert clock(86400 + 60) == "1d 00:01"

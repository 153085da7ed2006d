"""A picture of plain shapes that can be written as HTML with inline SVG, or as PNG."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Point = tuple[float, float]

SHARPNESS = 2
"""PNG pixels per unit: what a good screen needs."""
_FACE = "system-ui,'Noto Sans','Noto Sans CJK SC','Microsoft YaHei',sans-serif"
_STYLE = f"""
body{{margin:16px;background:#f6f7f9;color:#1f2933;font-family:{_FACE}}}
svg{{background:#fff;border:1px solid #d5dae1;border-radius:6px;max-width:100%;height:auto}}
g.crew:hover polyline{{stroke-width:4}}
g.crew:hover circle,g.crew rect:hover{{stroke:#111;stroke-width:1.5}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A filled rectangle; `title` shows when the pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    edge: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Straight pieces through the points."""

    points: Sequence[Point]
    colour: str
    width: float = 1.0
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str
    edge: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One line; `x` is its left end, middle or right end, `y` its base line."""

    x: float
    y: float
    text: str
    size: float = 12.0
    colour: str = "#1f2933"
    anchor: str = "start"


Shape = Box | Line | Dot | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Layers of shapes, drawn in their order; shapes of one layer light up together."""

    width: float
    height: float
    layers: Sequence[Sequence[Shape]]

    def write(self, path: Path, title: str) -> None:
        """Write `.html` (self-contained) or `.png`, by the path's suffix; ValueError otherwise."""
        if path.suffix == ".html":
            path.write_text(self.html(title), "utf-8")
        elif path.suffix == ".png":
            self._png(path)
        else:
            raise ValueError(f"a picture is .html or .png, not {path.name}")

    def html(self, title: str) -> str:
        """Return a page that needs nothing but itself."""
        groups = "\n".join(
            '<g class="crew">' + "".join(map(_svg, layer)) + "</g>" for layer in self.layers
        )
        box = f"0 0 {self.width:g} {self.height:g}"
        name = html.escape(title)
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{name}</title>'
            f"<style>{_STYLE}</style></head><body>\n"
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{self.width:g}"'
            f' height="{self.height:g}" font-family="{_FACE}">\n{groups}\n</svg>\n</body></html>\n'
        )

    def _png(self, path: Path) -> None:
        from PIL import Image, ImageDraw

        size = (round(self.width * SHARPNESS), round(self.height * SHARPNESS))
        image = Image.new("RGB", size, "#ffffff")
        pen = ImageDraw.Draw(image)
        for layer in self.layers:
            for shape in layer:
                _paint(pen, shape)
        image.save(path, "PNG", optimize=True)


def _svg(shape: Shape) -> str:
    return "".join(_element(shape))


def _element(shape: Shape) -> Iterator[str]:
    match shape:
        case Box():
            yield f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}"'
            yield f' height="{shape.height:.1f}" fill="{shape.fill}"{_edge(shape.edge)}'
            yield _closed("rect", shape.title)
        case Line():
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
            yield f'<polyline points="{points}" fill="none" stroke="{shape.colour}"'
            yield f' stroke-width="{shape.width:g}" stroke-linejoin="round"'
            yield _closed("polyline", shape.title)
        case Dot():
            yield f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}"'
            yield f' fill="{shape.fill}"{_edge(shape.edge)}'
            yield _closed("circle", shape.title)
        case Text():
            yield f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}"'
            yield f' fill="{shape.colour}" text-anchor="{shape.anchor}">'
            yield f"{html.escape(shape.text)}</text>"


def _edge(colour: str | None) -> str:
    return "" if colour is None else f' stroke="{colour}"'


def _closed(tag: str, title: str) -> str:
    return f"><title>{html.escape(title)}</title></{tag}>" if title else "/>"


def _paint(pen: Any, shape: Shape) -> None:
    scale = SHARPNESS
    match shape:
        case Box():
            right, bottom = shape.x + shape.width, shape.y + shape.height
            corners = [shape.x * scale, shape.y * scale, right * scale - 1, bottom * scale - 1]
            if corners[2] >= corners[0] and corners[3] >= corners[1]:
                pen.rectangle(corners, fill=shape.fill, outline=shape.edge)
        case Line():
            points = [(x * scale, y * scale) for x, y in shape.points]
            pen.line(points, fill=shape.colour, width=max(1, round(shape.width * scale)))
        case Dot():
            corners = [
                (shape.x - shape.radius) * scale,
                (shape.y - shape.radius) * scale,
                (shape.x + shape.radius) * scale,
                (shape.y + shape.radius) * scale,
            ]
            pen.ellipse(corners, fill=shape.fill, outline=shape.edge, width=scale)
        case Text():
            _letter(pen, shape)


def _letter(pen: Any, shape: Text) -> None:
    from PIL import ImageFont

    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
    face = ImageFont.load_default(shape.size * SHARPNESS)
    spot = (shape.x * SHARPNESS, shape.y * SHARPNESS)
    pen.text(spot, shape.text, fill=shape.colour, font=face, anchor=anchor)

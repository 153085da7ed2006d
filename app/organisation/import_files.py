"""Files of rows that a company brings: read, checked row by row, reported in both languages."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from app.core.i18n import Text

Outcome = Literal["created", "updated", "unchanged"]
Progress = Callable[[int, int], None]
"""Told (rows done, rows in all)."""


def no_progress(_done: int, _total: int) -> None:
    """For callers that show none."""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one cell: line as a text editor counts, why, and what to do."""

    line: int
    column: str
    why: str
    action: str


@dataclass
class ImportReport:
    """What an import did, or why it did nothing: with errors, nothing was written."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Count one row that was written, or needed nothing."""
        if outcome == "created":
            self.created += 1
        elif outcome == "updated":
            self.updated += 1
        else:
            self.unchanged += 1

    def refuse(self, line: int, column: str, why: Text, action: Text) -> None:
        """Note one error."""
        self.errors.append(RowError(line, column, _both(why), _both(action)))


def _both(text: Text) -> str:
    return f"{text.zh} / {text.en}"


CORRECT = Text("请改正后重新导入整个文件", "Correct it and import the whole file again")
_COLUMNS = Text("请使用约定的表头", "Use the agreed header")
_WHY = {
    "missing": Text("不能为空", "it must not be empty"),
    "string_too_short": Text("不能为空", "it must not be empty"),
    "string_too_long": Text("内容过长", "it is too long"),
    "string_pattern_mismatch": Text("格式不对", "it has the wrong form"),
    "literal_error": Text("不在允许的取值中", "it is none of the values allowed"),
    "enum": Text("不在允许的取值中", "it is none of the values allowed"),
    "float_parsing": Text("不是数字", "it is no number"),
    "finite_number": Text("不是数字", "it is no number"),
    "greater_than_equal": Text("超出范围", "it is out of range"),
    "less_than_equal": Text("超出范围", "it is out of range"),
}


def read_table(
    source: Path | str,
    columns: Sequence[str],
    report: ImportReport,
    optional: Sequence[str] = (),
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells) of each row of a CSV file, or of CSV text; stripped, empty cells left out.

    UTF-8 with or without a mark, or GB 18030 as Chinese spreadsheets write it. A wrong header,
    row or encoding goes into `report`. A file may lack `optional` columns; where it has them,
    their empty cells are told as such.
    """
    text = _decoded(source, report) if isinstance(source, Path) else source
    reader = csv.reader(io.StringIO(text or "", newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if text is None or not _header_fits(header, columns, optional, report):
            return
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            report.rows += 1
            if len(cells) != len(header):
                why = Text(
                    f"有 {len(cells)} 列，应为 {len(header)} 列",
                    f"it has {len(cells)} cells, not {len(header)}",
                )
                report.refuse(reader.line_num, "-", why, CORRECT)
                continue
            named = zip(header, (cell.strip() for cell in cells), strict=True)
            told = {name: cell for name, cell in named if cell or name in optional}
            yield reader.line_num, told
    except csv.Error as error:
        why = Text("不是有效的 CSV", f"it is not CSV: {error}")
        report.refuse(reader.line_num, "-", why, CORRECT)


def _decoded(path: Path, report: ImportReport) -> str | None:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    why = Text("不是 UTF-8 或 GB 18030 文本", "it is neither UTF-8 nor GB 18030 text")
    report.refuse(1, "-", why, Text("请另存为 UTF-8 CSV", "Save it as CSV in UTF-8"))
    return None


def _header_fits(
    header: list[str], columns: Sequence[str], optional: Sequence[str], report: ImportReport
) -> bool:
    for name in columns:
        if name not in header:
            report.refuse(1, name, Text("缺少此列", "this column is missing"), _COLUMNS)
    for name in header:
        if name not in columns and name not in optional:
            report.refuse(1, name, Text("未知的列", "this column is unknown"), _COLUMNS)
    if len(set(header)) != len(header):
        report.refuse(1, "-", Text("列名重复", "a column is named twice"), _COLUMNS)
    return not report.errors


def checked[Row: BaseModel](
    cells: dict[str, Any],
    line: int,
    row: type[Row],
    report: ImportReport,
    expected: dict[str, Text],
) -> Row | None:
    """The row as its model, or None with every wrong cell in `report`.

    `expected` says for a column what belongs there.
    """
    try:
        return row.model_validate(cells)
    except ValidationError as error:
        for each in error.errors():
            column = str(each["loc"][0]) if each["loc"] else "-"
            why = _WHY.get(each["type"], Text("内容无效", each["msg"]))
            report.refuse(line, column, why, expected.get(column, CORRECT))
        return None


def chunks[Item](items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    """`items` in slices of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))

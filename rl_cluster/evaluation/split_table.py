"""A table that fits a terminal of 80 columns: what has no room beside the first column is continued below it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

__all__ = ["WIDTH", "Column", "heading", "split_table"]

WIDTH = 80
"""Characters of a line that fit any terminal."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    """in lines that are no longer than the column is wide"""
    cells: Sequence[Text]

    @property
    def width(self) -> int:
        """Characters of its longest line."""
        lines = [*self.title.split("\n"), *(line for cell in self.cells for line in cell.plain.split("\n"))]
        return max(map(len, lines))


def heading(name: str, width: int) -> str:
    """A name in lines of at most `width` characters.

    A line ends at a blank, behind a hyphen or a comma, or where it is full; behind `=` if there is one.
    """
    words = [
        part
        for word in name.replace("-", "- ").replace(",", ", ").split()
        for part in (word.replace("=", "= ").split() if len(word) > width else [word])
    ]
    return "\n".join(word[first : first + width] for word in words for first in range(0, len(word), width))


def split_table(first: Column, columns: Sequence[Column], room: int = WIDTH) -> list[Table]:
    """Tables for rich to print, one below the other.

    Args:
        first: The column that each of them begins with.
        columns: The others, in their order. Each table has as many as it has room for, and at least one.
        room: Characters of a line.
    """
    return [_table(first, part) for part in _parts(columns, room - first.width)]


def _parts(columns: Sequence[Column], room: int) -> Iterator[Sequence[Column]]:
    start, used = 0, 0
    for position, column in enumerate(columns):
        used += 1 + column.width
        if used > room and position > start:
            yield columns[start:position]
            start, used = position, 1 + column.width
    yield columns[start:]


def _table(first: Column, columns: Sequence[Column]) -> Table:
    table = Table(padding=(0, 1, 0, 0), box=None, pad_edge=False)
    table.add_column(Text(first.title), no_wrap=True, vertical="top")
    for column in columns:
        table.add_column(Text(column.title), justify="right", no_wrap=True)
    for cells in zip(first.cells, *(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table

"""A table that is too wide is continued below: no cell is lost, none is cut, and no line is wider than asked."""

import io

import hypothesis
import hypothesis.strategies as some
import pytest
from rich.console import Console
from rich.text import Text

from rl_cluster.evaluation.split_table import Column, heading, split_table


def _printed(columns: list[Column], room: int) -> list[list[str]]:
    """The lines of each table."""
    first, tables = Column("row", [Text("a"), Text("b")]), []
    for table in split_table(first, columns, room):
        text = io.StringIO()
        Console(file=text, width=200).print(table)
        tables.append([line.rstrip() for line in text.getvalue().splitlines()])
    return tables


@hypothesis.given(
    some.lists(
        some.tuples(some.text("xyz", min_size=1, max_size=9), some.text("123", min_size=1, max_size=9)), max_size=9
    )
)
def test_split__keeps_every_column_in_order_and_within_the_room(drawn: list[tuple[str, str]]) -> None:
    columns = [Column(title, [Text(cell), Text("-")]) for title, cell in drawn]

    tables = _printed(columns, room=14)

    assert [title for table in tables for title in table[0].split()[1:]] == [title for title, _ in drawn]
    assert [cell for table in tables for cell in table[1].split()[1:]] == [cell for _, cell in drawn]
    assert all(len(line) <= 14 for table in tables for line in table)


def test_split__gives_a_column_that_is_wider_than_the_room_a_table_of_its_own() -> None:
    columns = [Column(title, [Text("1" * width)] * 2) for title, width in (("x", 2), ("y", 30), ("z", 2))]

    assert [table[0].split()[1:] for table in _printed(columns, room=12)] == [["x"], ["y"], ["z"]]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("greedy", ["greedy"]),
        ("commitment-aware", ["commitment-", "aware"]),
        ("policy argmax", ["policy", "argmax"]),
        ("time=2,crowding=0.5", ["time=2,", "crowding=", "0.5"]),
        ("a_long_word_without_end", ["a_long_word", "_without_en", "d"]),
    ],
)
def test_heading__ends_lines_between_words_and_where_they_are_full(name: str, lines: list[str]) -> None:
    assert heading(name, 11).split("\n") == lines

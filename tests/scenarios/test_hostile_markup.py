"""`scripts/hostile-markup`: its worst bodies are held against each change of the code."""

from __future__ import annotations

import pytest

from blog.content.posts import Format
from tests.scenarios.hostile_markup import MOST_MEGABYTES, Outcome, measure
from tests.scenarios.hostile_shapes import SHAPES

WORST: list[tuple[Format, str]] = [
    ("markdown", "quotes in quotes"),
    ("markdown", "deeper lists"),
    ("markdown", "images"),
    ("markdown", "equal headings"),
    ("markdown", "blanks in a heading"),
    ("markdown", "definitions"),
    ("markdown", "footnote marks"),
    ("markdown", "formulas in code"),
    ("markdown", "table with carriage returns"),
    ("markdown", "addresses before letters"),
    ("markdown", "code blocks of a language"),
    ("markdown", "code blocks of many languages"),
    ("markdown", "slow code of java"),
    ("markdown", "slow code of ruby"),
    ("html", "blanks in a tag"),
    ("html", "rows"),
]


@pytest.mark.long
@pytest.mark.parametrize(("format", "shape"), WORST)
def test_a_hostile_body_ends_and_takes_little_memory(format: Format, shape: str) -> None:
    """How long each takes is in the table: under coverage, and beside other tests, it varies."""
    outcome = measure(format, shape, "1 MiB")

    assert "**" not in outcome.answer, outcome
    assert outcome.megabytes <= MOST_MEGABYTES, outcome


@pytest.mark.parametrize(
    ("seconds", "megabytes", "is_bounded"), [(2, 300, True), (2.1, 1, False), (1, 301, False)]
)
def test_time_and_memory_are_bounded(seconds: float, megabytes: float, is_bounded: bool) -> None:
    outcome = Outcome("html", "text", "1 MiB", seconds, megabytes, "")

    assert outcome.is_bounded is is_bounded


def test_each_shape_fills_a_body_and_no_more() -> None:
    sizes = {name: len(shape(65_536).encode()) for name, shape in SHAPES.items()}

    assert {name for name, size in sizes.items() if not 50_000 <= size <= 65_536} == set()

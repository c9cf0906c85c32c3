"""Texts of any size that repeat something, for what may take long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from math import isqrt

from blog.content.languages import BOUNDS

Shape = Callable[[int], str]


def repeat(unit: str, before: str = "", after: str = "") -> Shape:
    """The same again and again, to a size, between two texts."""
    return lambda size: before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def numbered(unit: str, before: str = "", after: str = "") -> Shape:
    """Like `repeat`, with a number in each for the braces."""

    def build(size: int) -> str:
        rest = size - len(before) - len(after)
        return before + "".join(_until(rest, (unit.format(n) for n in count()))) + after

    return build


def twice(first: str, second: str) -> Shape:
    """Half of the size of one text, and half of it of another."""
    return lambda size: repeat(first)(size // 2) + repeat(second)(size // 2)


def square(line: str, end: str = "\n", before: str = "") -> Shape:
    """As many lines as each is long."""

    def build(size: int) -> str:
        side = isqrt(size)
        return repeat(repeat(line)(side - len(end)) + end, before)(size)

    return build


def growing(unit: str, end: str) -> Shape:
    """Each line is longer than the last one."""
    return lambda size: "".join(_until(size, (unit * n + end for n in count(1))))


def table(columns: int, row: str = "|\n", before: str = "") -> Shape:
    """Rows of a wide table, of which each may be short."""
    head = f"{before}{'|a' * columns}|\n{before}{'|-' * columns}|\n"
    return repeat(before + row, head)


def beside_text(blocks: str) -> Shape:
    """More code than gets colours, in blocks that repeat; then as much text as fits."""
    return lambda size: repeat(blocks)(48_000) + repeat("word " * 20 + "\n")(size - 48_000)


def code(language: str, *units: str, length: int) -> Shape:
    """Blocks of code in a language, of which each repeats a text."""
    lines = (unit if "\n" in unit else unit * (280 // len(unit)) + "\n" for unit in units)
    blocks = (f"```{language}\n{(line * length)[:length]}\n```\n" for line in lines)
    return beside_text("".join(blocks))


def trapped(language: str, *texts: str) -> Shape:
    """Blocks of code in a language, of which each has one text, and then many lines."""
    piece = next(bound.piece for bound, names in BOUNDS.items() if language in names.split())
    blocks = ((text + "\na" * piece)[: piece - 2] for text in texts)
    return beside_text("".join(f"```{language}\n{block}\n```\n" for block in blocks))


def _until(size: int, parts: Iterator[str]) -> Iterator[str]:
    for part in parts:
        size -= len(part)
        if size < 0:
            return
        yield part

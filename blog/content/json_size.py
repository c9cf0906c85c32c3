"""Depth and size of JSON documents, computed without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def exceeds_depth(document: object, limit: int) -> bool:
    """Whether arrays and objects are nested more than ``limit`` deep."""
    level = _containers([document])
    for _ in range(limit):
        if not level:
            return False
        level = _containers(child for value in level for child in _children(value))
    return bool(level)


def count_values(document: object, limit: int) -> int:
    """The number of values in the document, members and elements included.

    If there are more than ``limit``, the result is some number above it.
    """
    size, level = 1, [document]
    while level and size <= limit:
        level = [child for value in level for child in _children(value)]
        size += len(level)
    return size


def _containers(values: Iterable[object]) -> list[object]:
    return [value for value in values if isinstance(value, dict | list)]


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value

"""Bounds on JSON documents: how deep and how large, found without recursion."""

from __future__ import annotations

from collections.abc import Iterator


def exceeds_depth(document: object, limit: int) -> bool:
    """Whether arrays and objects are nested more than ``limit`` deep."""
    level = [document]
    for _ in range(limit + 1):
        level = [child for value in level for child in _children(value)]
    return bool(level)


def exceeds_size(document: object, limit: int) -> bool:
    """Whether the document has more than ``limit`` values, members and elements counted."""
    size, level = 1, [document]
    while level and size <= limit:
        level = [child for value in level for child in _children(value)]
        size += len(level)
    return size > limit


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value

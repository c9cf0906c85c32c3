"""Cases of a test that share one blog: made once, where the cases do not disturb each other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest


def cases(
    names: str | Sequence[str],
    values: Iterable[Any],
    ids: Sequence[str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each of these values, as `pytest.mark.parametrize` does, on the same fixtures.

    To make a blog costs more than most tests. Each case is a subtest, and all of them run.
    """
    given = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    known = [_case(given, value) for value in values]
    labels = ids or [label for label, _ in known]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(test).parameters
        asked = [parameter for name, parameter in parameters.items() if name not in given]
        nested = "subtests" in parameters

        @wraps(test)
        def run(subtests: pytest.Subtests, **fixtures: Any) -> None:
            fixtures |= {"subtests": subtests} if nested else {}
            for label, (_, case) in zip(labels, known, strict=True):
                with subtests.test(label):
                    test(**fixtures, **case)

        own = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        run.__signature__ = inspect.Signature(asked if nested else [*asked, own])  # type: ignore[attr-defined]
        return run

    return decorate


def _case(names: Sequence[str], value: Any) -> tuple[str, dict[str, Any]]:
    """A text that names a case, and its arguments."""
    made = isinstance(value, type(pytest.param()))
    arguments = value.values if made else value if len(names) > 1 else (value,)
    case = dict(zip(names, arguments, strict=True))
    label = value.id if made else None
    return label or ", ".join(f"{name}={each!r:.80}" for name, each in case.items()), case

"""A change that is computed again because others come between: how often, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from blog.errors import StorageUnavailable
from blog.storage.preconditions import until_written


def fail(attempts: Iterator[int]) -> None:
    """An attempt between whose reading and writing another change comes."""
    next(attempts)


def test_a_change_is_tried_until_nothing_comes_between() -> None:
    outcomes = iter([None, None, "written"])

    assert until_written(lambda: next(outcomes), "post") == "written"


def test_a_change_is_tried_twenty_times() -> None:
    attempts = count()

    with pytest.raises(
        StorageUnavailable, match=r"^there are too many concurrent changes of this post$"
    ):
        until_written(lambda: fail(attempts), "post")

    assert next(attempts) == 20


def test_no_attempt_begins_after_the_deadline() -> None:
    attempts = count()

    with pytest.raises(StorageUnavailable):
        until_written(lambda: fail(attempts), "post", timeout=-1)

    assert next(attempts) == 1

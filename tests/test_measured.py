"""Which tests count for coverage: each line's example does, and nothing else is traced."""

from __future__ import annotations

import sys
import threading

import pytest

from tests.blogs import Blogs
from tests.measured import counts


def test_a_test_on_both_kinds_of_database_counts_on_one(
    request: pytest.FixtureRequest, blogs: Blogs
) -> None:
    assert counts(request.node) == (blogs.kind == "sqlite")


@pytest.mark.databases("postgresql")
def test_a_test_on_one_kind_of_database_counts(
    request: pytest.FixtureRequest, blogs: Blogs
) -> None:
    assert counts(request.node)


@pytest.mark.hypothesis
def test_what_is_made_up_does_not_count(request: pytest.FixtureRequest) -> None:
    assert not counts(request.node)


@pytest.mark.hypothesis
def test_nothing_is_traced_that_does_not_count() -> None:
    assert (sys.gettrace(), threading.gettrace()) == (None, None)

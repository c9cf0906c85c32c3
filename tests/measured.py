"""Which tests count for coverage: measured, a test takes two thirds longer.

A line is covered if a test of a known example reaches it. So what Hypothesis makes up does not
count, nor does a test on PostgreSQL that runs on SQLite too, unless it is about databases.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from typing import Any

import pytest

# What is about databases.
_PLACES = ("tests/database/", "tests/maintenance/", "tests/storage/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Trace nothing during a test that does not count, nor in the processes that it starts."""
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    if tracer is None or counts(item):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        _trace(None, None)
        try:
            return (yield)
        finally:
            _trace(tracer, of_threads)


def _trace(tracer: Any, of_threads: Any) -> None:
    threading.settrace(of_threads)
    sys.settrace(tracer)


def counts(item: pytest.Item) -> bool:
    """Whether a test counts for coverage."""
    if item.get_closest_marker("hypothesis"):
        return False
    callspec = getattr(item, "callspec", None)
    is_second = callspec is not None and callspec.params.get("blogs") == "postgresql"
    has_first = item.get_closest_marker("databases") is None
    return not (is_second and has_first) or item.nodeid.startswith(_PLACES)

"""The marks of tests that start processes: found, and held against what a test does."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.servers.serving import serve


def marks(request: pytest.FixtureRequest) -> set[str]:
    """The marks of a test that say what it needs."""
    return {mark.name for mark in request.node.iter_markers()} & {"process", "postgresql"}


def test_a_test_that_refers_to_a_server_is_marked(request: pytest.FixtureRequest) -> None:
    assert callable(serve)
    assert marks(request) == {"process"}


def test_a_test_of_a_postgresql_server_is_marked(
    request: pytest.FixtureRequest, postgresql: object
) -> None:
    assert marks(request) == {"postgresql"}


def test_a_test_of_a_blog_has_the_mark_of_its_database(
    request: pytest.FixtureRequest, database_url: str
) -> None:
    assert marks(request) == ({"postgresql"} if "postgresql" in database_url else set())


def test_a_test_without_a_mark_may_start_no_process(tmp_path: Path) -> None:
    # Not referred to in a way that is found.
    run = import_module("sub" + "process").run

    with pytest.raises(pytest.fail.Exception, match="starts a process and has no mark `process`"):
        run(["touch", str(tmp_path / "started")], check=True)
    assert list(tmp_path.iterdir()) == []

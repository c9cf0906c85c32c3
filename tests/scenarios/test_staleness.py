"""`scripts/staleness-test --reads 3000`: what it claims is held against each change of the code."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.blogs import PostgreSQLBlogs
from tests.scenarios.staleness import Trial, compare_nodes, run
from tests.scenarios.staleness_clients import Board, Post

READS = 3000
WRITES = 10


@pytest.mark.long
def test_no_read_shows_what_was_before_a_write_that_was_acknowledged(
    database_url: str, tmp_path: Path
) -> None:
    trial = run(tmp_path, database_url, READS, random.randrange(2**32))

    assert {200, 304, 404} <= trial.statuses.keys()
    assert {"POST", "PATCH"} <= trial.board.writes.keys()


@pytest.mark.long
def test_another_node_shows_each_write_in_the_end(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        delays = compare_nodes(Trial(tmp_path, url, 0), WRITES)

    assert len(delays) == WRITES


@pytest.mark.parametrize(
    ("shown", "post"),
    [
        ({"/post/1": 4}, Post(acknowledged=5, sent=5)),
        ({"/post/1": 6}, Post(acknowledged=5, sent=5)),
        ({}, Post(acknowledged=5, sent=5)),
        ({"/post/1": 4}, Post(acknowledged=5, sent=5, last=5)),
    ],
    ids=["older", "never written", "missing", "deleted"],
)
def test_answer_that_is_stale_is_found(shown: dict[str, int], post: Post) -> None:
    board = Board({"/post/1": post})
    board.judge(shown, board.promises(), "200 to GET /post")

    assert len(board.broken) == 1


@pytest.mark.parametrize(
    ("shown", "post"),
    [
        ({"/post/1": 5}, Post(acknowledged=5, sent=5)),
        ({"/post/1": 6}, Post(acknowledged=5, sent=6)),
        ({}, Post(acknowledged=5, sent=6, last=6)),
        ({"/post/1": 5, "/post/2": 1}, Post(acknowledged=5, sent=6, last=6)),
    ],
    ids=["newest", "newer", "being deleted", "not deleted yet"],
)
def test_answer_that_may_be_is_not_taken_for_stale(shown: dict[str, int], post: Post) -> None:
    board = Board({"/post/1": post})
    board.judge(shown, board.promises(), "200 to GET /post")

    assert board.broken == []


def test_what_was_deleted_meanwhile_is_looked_for_as_it_was_promised() -> None:
    board = Board({"/post/1": Post(acknowledged=5, sent=5)})
    promises = board.promises()
    board.posts["/post/1"].last = board.posts["/post/1"].sent = 6

    board.judge({}, promises, "404 to GET /post/1")
    assert board.broken == []

"""`scripts/crash-test --rounds 3`: what it claims is held against each change of the code."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.scenarios.crash import run
from tests.scenarios.crash_facts import Content, Fact, Version, Write, compare, landed, promised
from tests.scenarios.failover import BrokenPromise

OLD = Content("old", "old", ("web",), "draft")
NEW = Content("new", "new", ("web", "crash"), "published")
VERSIONS = {
    ("1", 1): Version("created", OLD, "a key"),
    ("1", 2): Version("updated", NEW),
    ("2", 1): Version("created", OLD),
    ("2", 2): Version("deleted", None),
}
ROWS: set[Fact] = {
    ("revision", "1", 1, "created", OLD),
    ("revision", "1", 2, "updated", NEW),
    ("revision", "2", 1, "created", OLD),
    ("revision", "2", 2, "deleted", None),
    ("post", "1", 2, NEW),
    ("tag", "1", "web"),
    ("tag", "1", "crash"),
    ("key", "a key", "1", 1),
}
CREATION = Write("POST", "/post", NEW._asdict(), "", 1, Version("created", NEW))
EDIT = Write("PUT", "/post/1", NEW._asdict(), "1", 2, Version("updated", NEW))


@pytest.mark.long
def test_nothing_acknowledged_is_lost_and_nothing_is_half_done_over_crashes(
    tmp_path: Path,
) -> None:
    trial = run(tmp_path, 3, random.randrange(2**32), longest=0.5)

    assert trial.acknowledged > 0
    assert trial.outcomes.total() == 3 * len(trial.authors)


def test_versions_promise_every_row_and_no_other() -> None:
    assert promised(VERSIONS) == ROWS


@pytest.mark.parametrize("row", sorted(ROWS, key=repr), ids=str)
def test_missing_row_is_found(row: Fact) -> None:
    with pytest.raises(BrokenPromise, match="the file is wrong in 1 places:\n  missing: "):
        compare(ROWS - {row}, promised(VERSIONS), "the file")


@pytest.mark.parametrize(
    "row",
    [
        ("revision", "3", 1, "created", NEW),
        ("post", "2", 1, OLD),
        ("tag", "1", "long"),
        ("key", "a key", "3", 1),
    ],
)
def test_row_that_nobody_wrote_is_found(row: Fact) -> None:
    with pytest.raises(BrokenPromise, match="the file is wrong in 1 places:\n  not expected: "):
        compare(ROWS | {row}, promised(VERSIONS), "the file")


def test_post_with_half_of_an_edit_is_found() -> None:
    half = ROWS - {("post", "1", 2, NEW)} | {("post", "1", 2, NEW._replace(body="old"))}

    with pytest.raises(BrokenPromise, match="wrong in 2 places"):
        compare(half, promised(VERSIONS), "the file")


@pytest.mark.parametrize(
    ("write", "rows", "place"),
    [
        (CREATION, ROWS, None),
        (CREATION, {*ROWS, ("revision", "3", 1, "created", NEW)}, ("3", 1)),
        (EDIT, ROWS, ("1", 2)),
        (EDIT, ROWS - {("revision", "1", 2, "updated", NEW)}, None),
        (EDIT._replace(post_id="2"), ROWS, None),
        (EDIT._replace(version=Version("updated", OLD)), ROWS, None),
    ],
    ids=["not created", "created", "edited", "not edited", "another post", "another text"],
)
def test_write_without_an_answer_is_found_where_it_was_done(
    write: Write, rows: set[Fact], place: tuple[str, int] | None
) -> None:
    assert landed(write, rows) == place

"""What a database must contain after a crash: the rows that follow from what was acknowledged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

from tests.rivals import connected
from tests.scenarios.failover import BrokenPromise

# The id of a post and the number of a version.
Place = tuple[str, int]
# A row of the database, or of what it must hold: its kind, and what is in it.
Fact = tuple[object, ...]


class Content(NamedTuple):
    """What an author writes of a post."""

    title: str
    body: str
    tags: tuple[str, ...]
    status: str


class Version(NamedTuple):
    """One version of a post, and the key of the request that made it; a deletion has no content."""

    operation: str
    content: Content | None
    key: str = ""


class Write(NamedTuple):
    """A request, and what it makes of a post; the id of a new one is not known yet."""

    verb: str
    path: str
    body: Mapping[str, Any] | None
    post_id: str
    number: int
    version: Version


def require(holds: object, claim: str) -> None:
    """Raise BrokenPromise for a claim that does not hold."""
    if not holds:
        raise BrokenPromise(claim)


def compare(found: Set[Any], expected: Set[Any], what: str) -> None:
    """Raise BrokenPromise where something is missing, or there and should not be."""
    differences = [f"missing: {item!r:.200}" for item in expected - found]
    differences += [f"not expected: {item!r:.200}" for item in found - expected]
    shown = "\n".join(f"  {difference}" for difference in differences[:5])
    require(not differences, f"{what} is wrong in {len(differences)} places:\n{shown}")


def living(versions: Mapping[Place, Version]) -> dict[str, tuple[int, Content]]:
    """The posts that are there after these versions: the newest number and content of each."""
    posts = {post_id: (n, versions[post_id, n].content) for post_id, n in sorted(versions)}
    return {post_id: (n, content) for post_id, (n, content) in posts.items() if content}


def promised(versions: Mapping[Place, Version]) -> set[Fact]:
    """Every row that there must be after these versions, in whatever table."""
    facts: set[Fact] = set()
    for place, version in versions.items():
        facts.add(("revision", *place, version.operation, version.content))
        if version.key:
            facts.add(("key", version.key, *place))
    for post_id, (number, content) in living(versions).items():
        facts.add(("post", post_id, number, content))
        facts |= {("tag", post_id, name) for name in content.tags}
    return facts


def stored(file: Path) -> set[Fact]:
    """Every row that there is."""
    content = "title, body, tags, status"
    with connected(f"sqlite:///{file}") as database:
        rows = database.execute
        revisions = rows(f"SELECT {content}, post_id, version, operation FROM revision")
        posts = rows(f"SELECT {content}, id, version FROM post")
        tags = rows("SELECT post_id, name FROM tag")
        keys = rows("SELECT key, post_id, version FROM idempotency_key")
    return {
        *(("revision", *row[4:], _content(row[:4])) for row in revisions),
        *(("post", *row[4:], _content(row[:4])) for row in posts),
        *(("tag", *row) for row in tags),
        *(("key", *row) for row in keys),
    }


def _content(row: Sequence[Any]) -> Content | None:
    title, body, tags, status = row
    return None if title is None else Content(title, body, tuple(json.loads(tags)), status)


def landed(write: Write, facts: Set[Fact]) -> Place | None:
    """Where the version is that a write makes, or None where there is none such."""
    wanted = write.number, write.version.operation, write.version.content
    ids = (fact[1] for fact in facts if fact[0] == "revision" and fact[2:] == wanted)
    return next(((str(i), write.number) for i in ids if write.post_id in ("", i)), None)

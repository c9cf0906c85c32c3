"""The change feed: what was created, updated and deleted, in one stable order for each caller.

A follower's copy is what the caller could see after a number of commits and at a time: its
`FeedPosition`. From there the feed continues with the next commit, at the time of that commit, or
with the next scheduled version whose date has come, if that is earlier. So a scheduled version
stands between the commits before its date and those after it, and every follower, now or years
later, gets the same changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import merge
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, bindparam, func, select, true

from blog.content.revisions import Operation
from blog.database.session import Session
from blog.database.types import UTCDateTime
from blog.errors import NotFound
from blog.storage import permissions
from blog.storage.access import Access, CallerRole
from blog.storage.keyset import Key, Position, beginning, bind_values, paginate
from blog.storage.tables import post, revision

# Greater than the number of any revision.
_LAST = 2**62
_LARGEST_BATCH = 1000
# How many rows that the caller may not see one request skips.
MOST_PASSED_OVER = 1000
# The clock of another node may be ahead by this much.
_SKEW = timedelta(minutes=1)

# The columns in whose order each of the two is read.
_COMMIT_ORDER = ("sequence",)
_DUE_ORDER = ("due_date", "sequence")

Rows = Iterator[Row[*tuple[Any, ...]]]


class Due(NamedTuple):
    """The place of a scheduled version among all scheduled versions."""

    date: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """A position in the feed: the last commit before it, and the last scheduled version.

    ``date`` is the date of the commit, which identifies it.
    """

    sequence: int
    date: datetime
    due: Due


_NEVER = datetime.min.replace(tzinfo=UTC)
BEGINNING = FeedPosition(0, _NEVER, Due(_NEVER, 0))


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a post, as the caller sees it, and whether they may change the post."""

    post_id: str
    operation: Operation
    version: int
    date: datetime
    editable: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in their order, the position after them, and the one after each of them."""

    items: Sequence[Change]
    position: FeedPosition
    positions: Sequence[FeedPosition] = ()

    def first(self, count: int) -> Changes:
        """The first ``count`` changes, which is at least one."""
        if count >= len(self.items):
            return self
        return Changes(self.items[:count], self.positions[count - 1], self.positions[:count])


def follow(access: Access, limit: int, start: FeedPosition) -> Changes:
    """The changes after a position, at most as many as the limit.

    Where there are none the position stays, so that the response stays the same and reveals nothing
    of writes that the caller may not see. It moves after `MOST_PASSED_OVER` such writes, whatever
    the limit, to bound the cost of a request; the caller only learns that there were as many.
    Raises NotFound for a position whose commit differs here: a backup was restored, or commits were
    lost.
    """
    _check(access.session, start)
    walk = _Walk(_Reader(access, limit), access.now, start)
    changes: list[Change] = []
    positions: list[FeedPosition] = []
    passed_over = 0
    for change in walk:
        if change is None:
            passed_over += 1
        else:
            changes.append(change)
            positions.append(walk.position)
        if len(changes) == limit or passed_over == MOST_PASSED_OVER:
            break
    if not changes and passed_over == MOST_PASSED_OVER:
        return Changes(changes, walk.position)
    return Changes(changes, positions[-1] if positions else start, positions)


def latest(access: Access) -> FeedPosition:
    """The position of a follower whose copy is complete now.

    It is before commits that another node, whose clock is ahead, has dated in the future.
    """
    values = {"now": access.now, "until": access.now + _SKEW}
    last = access.session.reading().execute(_LATEST, values).first()
    sequence, date = (last.sequence, last.updated_date) if last else (0, _NEVER)
    return FeedPosition(sequence, date, Due(access.now, _LAST))


def _check(session: Session, start: FeedPosition) -> None:
    date = session.reading().scalar(_DATE, {"sequence": start.sequence})
    # On a replica, which may lag, the commit may still arrive.
    known = date == start.date or (date is None and not session.is_on_primary())
    if not known and start.sequence > 0:
        raise NotFound(f"there is no such commit {start.sequence} any more")


class _Walk:
    """The steps from a position to now, each a change or None where the caller may not see it."""

    def __init__(self, reader: _Reader, now: datetime, start: FeedPosition) -> None:
        self.position = start
        self._now = now
        self._commits = reader.commits(start.sequence)
        self._dues = reader.dues(start.due)
        self._due = next(self._dues, None)

    def __iter__(self) -> Iterator[Change | None]:
        for commit in self._commits:
            # The clock of the node that published this is ahead: it is not visible here yet.
            if self._now < commit.updated_date <= self._now + _SKEW:
                break
            # A date further in the future makes nothing visible earlier.
            horizon = Due(min(commit.updated_date, self._now), _LAST)
            yield from self._fall_due(horizon)
            due = max(self.position.due, horizon)
            self.position = FeedPosition(commit.sequence, commit.updated_date, due)
            yield self._commit(commit)
        yield from self._fall_due(Due(self._now, _LAST))

    def _fall_due(self, horizon: Due) -> Iterator[Change | None]:
        while (due := self._due) is not None and (due.due_date, due.sequence) <= horizon:
            self._due = next(self._dues, None)
            # After its last version, the position is past a date: a version with this date that is
            # committed later is not listed.
            is_last = self._due is None or self._due.due_date > due.due_date
            place = Due(due.due_date, _LAST if is_last else due.sequence)
            self.position = replace(self.position, due=place)
            yield self._become_visible(due)

    def _become_visible(self, due: Row[*tuple[Any, ...]]) -> Change | None:
        """The appearance of a scheduled post, where this is its newest version at this position."""
        reached = self.position.sequence
        superseded = due.next_sequence is not None and due.next_sequence <= reached
        if due.sequence > reached or superseded or due.editable:
            return None
        return Change(due.post_id, "created", due.version, date=due.due_date, editable=due.editable)

    def _commit(self, commit: Row[*tuple[Any, ...]]) -> Change | None:
        """A commit as the caller sees it, by whether they see the post before it and after it."""
        seen = self._is_seen(commit.old_status, commit.old_due_date, commit.old_sequence)
        sees = self._is_seen(commit.status, commit.due_date, commit.sequence)
        if commit.editable:
            seen, sees = commit.old_status is not None, commit.status is not None
        if not seen and not sees:
            return None
        operation: Operation = "deleted" if not sees else "updated" if seen else "created"
        return Change(
            commit.post_id,
            operation,
            commit.version,
            date=commit.updated_date,
            editable=commit.editable,
        )

    def _is_seen(self, status: str | None, due_date: datetime | None, sequence: int) -> bool:
        """Whether everyone may see a version, at the time of the position."""
        due = due_date is None or (due_date, sequence) <= self.position.due
        return status == "published" and due


class _Reader:
    """Reads commits and scheduled versions for a caller, a batch at a time."""

    def __init__(self, access: Access, batch: int) -> None:
        self._connection = access.session.reading()
        self._role = access.role
        self._parameters = access.parameters
        self._batch = batch

    def commits(self, after: int) -> Rows:
        """The commits after this number, in their order."""
        streams = []
        if self._role != "anonymous":
            streams.append(self._read(_editable_commits(self._role), _COMMIT_ORDER, (after,)))
        if self._role != "editor":
            streams.append(self._read(_public_commits(self._role), _COMMIT_ORDER, (after,)))
        last = after
        for row in merge(*streams, key=lambda row: int(row.sequence)):
            # An author's own are among the public ones too.
            if row.sequence > last:
                yield row
            last = row.sequence

    def dues(self, after: Due) -> Rows:
        """The scheduled versions whose date has come since, in the order of their dates."""
        # An editor sees scheduled versions from the start.
        if self._role == "editor":
            return iter(())
        return self._read(_dues(self._role), _DUE_ORDER, after)

    def _read(self, statement: Select[Any], order: Sequence[str], after: Key) -> Rows:
        batch = self._batch
        while True:
            values = {**self._parameters, **bind_values(Position(after), batch - 1)}
            rows = self._connection.execute(statement, values).all()
            yield from rows
            if len(rows) < batch:
                return
            after = tuple(getattr(rows[-1], name) for name in order)
            # Most of these rows are not for this caller: fetch more at once.
            batch = min(2 * batch, _LARGEST_BATCH)


_DATE = select(revision.c.updated_date).where(revision.c.sequence == bindparam("sequence"))
# A sum is served by no index: else a planner would scan the index of all revisions for the least.
_first_ahead_of_post = (
    select(func.min(revision.c.sequence + 0))
    .where(
        revision.c.post_id == post.c.id,
        revision.c.updated_date > permissions.now_parameter,
        revision.c.updated_date <= bindparam("until", type_=UTCDateTime),
    )
    .scalar_subquery()
)
# A revision is no later than its post, and the posts have an index of these dates.
_FIRST_AHEAD = (
    select(func.min(_first_ahead_of_post))
    .where(post.c.updated_date > permissions.now_parameter)
    .scalar_subquery()
)
_LATEST = (
    select(revision.c.sequence, revision.c.updated_date)
    .where(revision.c.sequence < func.coalesce(_FIRST_AHEAD, _LAST))
    .order_by(revision.c.sequence.desc())
    .limit(1)
)
_AFTER = beginning(Position(()))
_old = revision.alias("old")
_next = revision.alias("next")


@cache
def _editable_commits(role: CallerRole) -> Select[Any]:
    return _commits(role).where(permissions.editable(revision, role))


@cache
def _public_commits(role: CallerRole) -> Select[Any]:
    return _commits(role).where(revision.c.public == true())


def _commits(role: CallerRole) -> Select[Any]:
    c = revision.c
    old = and_(_old.c.post_id == c.post_id, _old.c.version == c.version - 1)
    statement = select(
        c.sequence,
        c.post_id,
        c.version,
        c.updated_date,
        c.status,
        c.due_date,
        _old.c.sequence.label("old_sequence"),
        _old.c.status.label("old_status"),
        _old.c.due_date.label("old_due_date"),
        permissions.editable(revision, role).label("editable"),
    ).outerjoin_from(revision, _old, old)
    return paginate(statement, [c[name] for name in _COMMIT_ORDER], _AFTER)


@cache
def _dues(role: CallerRole) -> Select[Any]:
    c = revision.c
    following = and_(_next.c.post_id == c.post_id, _next.c.version == c.version + 1)
    statement = (
        select(
            c.due_date,
            c.sequence,
            c.post_id,
            c.version,
            _next.c.sequence.label("next_sequence"),
            permissions.editable(revision, role).label("editable"),
        )
        .outerjoin_from(revision, _next, following)
        .where(c.due_date.is_not(None), c.due_date <= permissions.now_parameter)
    )
    return paginate(statement, [c[name] for name in _DUE_ORDER], _AFTER)

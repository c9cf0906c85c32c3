"""The change feed: what came, changed and went, for each caller in one order that stays.

A follower's copy is what the caller could see after so many commits and at such a time: its
`Frontier`. From there the feed goes on with whatever comes next: the next commit, at the time that
it has, or, if that is earlier, the next moment at which a scheduled version becomes visible by
itself. So what falls due stands between the commits before its date and those after it, and
whoever follows, at once or years later, is told the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import merge
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, select, true

from blog.content.authors import Caller
from blog.content.revisions import Operation
from blog.database.session import Session
from blog.database.types import UTCDateTime
from blog.errors import NotFound
from blog.storage import permissions
from blog.storage.keyset import Key, Position, beginning, bind_values, paginate
from blog.storage.tables import post, revision

# Greater than the number of any revision.
_LAST = 2**62
_LARGEST_BATCH = 1000
# How many rows that are not for the caller one request passes over.
MOST_PASSED_OVER = 1000
# How far the clock of another node may be ahead of ours for us to wait for it.
_SKEW = timedelta(minutes=1)

Rows = Iterator[Row[*tuple[Any, ...]]]


class Due(NamedTuple):
    """Where a version that becomes visible by itself stands among all that do."""

    date: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far a follower has been told: up to which commit, and of what has fallen due.

    ``date`` is the commit's own, by which it is known again.
    """

    sequence: int
    date: datetime
    due: Due


_NEVER = datetime.min.replace(tzinfo=UTC)
BEGINNING = Frontier(0, _NEVER, Due(_NEVER, 0))


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a post, as it is to a caller, who may perhaps change the post."""

    post_id: str
    operation: Operation
    version: int
    date: datetime
    editable: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """Some changes in their order, and from where to go on: ``places`` has it for each of them."""

    items: Sequence[Change]
    frontier: Frontier
    places: Sequence[Frontier] = ()

    def first(self, count: int) -> Changes:
        """The first ones, where those are not all; there is one at least."""
        if count >= len(self.items):
            return self
        return Changes(self.items[:count], self.places[count - 1], self.places[:count])


def follow(
    session: Session, caller: Caller | None, now: datetime, limit: int, start: Frontier
) -> Changes:
    """The changes after a frontier: all that there are, or as many as the limit allows.

    Where there are none the frontier stays, so that the answer stays the same and tells nothing of
    writes that are not for the caller. It moves once there are `MOST_PASSED_OVER` of them, whatever
    the limit, as no request may cost more: that many at least is all that can be learned. Raises
    NotFound for a frontier whose commit is another here: a backup was restored, or commits were
    lost.
    """
    _check(session, start)
    walk = _Walk(_Reader(session.reading(), caller, now, limit), now, start)
    changes: list[Change] = []
    places: list[Frontier] = []
    passed_over = 0
    for change in walk:
        if change is None:
            passed_over += 1
        else:
            changes.append(change)
            places.append(walk.frontier)
        if len(changes) == limit or passed_over == MOST_PASSED_OVER:
            break
    if not changes and passed_over == MOST_PASSED_OVER:
        return Changes(changes, walk.frontier)
    return Changes(changes, places[-1] if places else start, places)


def latest(session: Session, now: datetime) -> Frontier:
    """How far one has been told who has everything that is to be seen now.

    It stands before what another node, whose clock is ahead, has just published.
    """
    values = {"now": now, "until": now + _SKEW}
    last = session.reading().execute(_LATEST, values).first()
    sequence, date = last or (0, _NEVER)
    return Frontier(sequence, date, Due(now, _LAST))


def _check(session: Session, start: Frontier) -> None:
    date = session.reading().scalar(_DATE, {"sequence": start.sequence})
    # On a replica, which may lag, one that is not here yet may come.
    known = date == start.date or (date is None and not session.is_on_primary())
    if not known and start.sequence > 0:
        raise NotFound(f"there is no such commit {start.sequence} any more")


class _Walk:
    """The way from a frontier to now, step by step; a step may have nothing for the caller."""

    def __init__(self, reader: _Reader, now: datetime, start: Frontier) -> None:
        self.frontier = start
        self._now = now
        self._commits = reader.commits(start.sequence)
        self._dues = reader.dues(start.due)
        self._due = next(self._dues, None)

    def __iter__(self) -> Iterator[Change | None]:
        for commit in self._commits:
            # What another node has just published is not yet to be seen here.
            if self._now < commit.updated_date <= self._now + _SKEW:
                break
            # A clock that was further ahead brings nothing forward.
            horizon = Due(min(commit.updated_date, self._now), _LAST)
            yield from self._fall_due(horizon)
            due = max(self.frontier.due, horizon)
            self.frontier = Frontier(commit.sequence, commit.updated_date, due)
            yield self._commit(commit)
        yield from self._fall_due(Due(self._now, _LAST))

    def _fall_due(self, horizon: Due) -> Iterator[Change | None]:
        while (due := self._due) is not None and (due.due_date, due.sequence) <= horizon:
            self._due = next(self._dues, None)
            # Once the last of a moment has been told, the moment is over, also for a version of
            # that date that is committed late.
            is_last = self._due is None or self._due.due_date > due.due_date
            place = Due(due.due_date, _LAST if is_last else due.sequence)
            self.frontier = replace(self.frontier, due=place)
            yield self._become_visible(due)

    def _become_visible(self, due: Row[*tuple[Any, ...]]) -> Change | None:
        """The creation of a post by time alone, if this is its newest version so far."""
        told = self.frontier.sequence
        superseded = due.next_sequence is not None and due.next_sequence <= told
        if due.sequence > told or superseded or due.editable:
            return None
        return Change(due.post_id, "created", due.version, due.due_date, due.editable)

    def _commit(self, commit: Row[*tuple[Any, ...]]) -> Change | None:
        """What a commit is to the caller, by what they see before it and after it."""
        seen = self._is_seen(commit.old_status, commit.old_due_date, commit.old_sequence)
        sees = self._is_seen(commit.status, commit.due_date, commit.sequence)
        if commit.editable:
            seen, sees = commit.old_status is not None, commit.status is not None
        if not seen and not sees:
            return None
        operation: Operation = "deleted" if not sees else "updated" if seen else "created"
        return Change(
            commit.post_id, operation, commit.version, commit.updated_date, commit.editable
        )

    def _is_seen(self, status: str | None, due_date: datetime | None, sequence: int) -> bool:
        """Whether everyone sees a version, at the time of the frontier."""
        due = due_date is None or (due_date, sequence) <= self.frontier.due
        return status == "published" and due


class _Reader:
    """Reads what may concern a caller, in each of the two orders, a batch at a time."""

    def __init__(
        self, connection: Connection, caller: Caller | None, now: datetime, batch: int
    ) -> None:
        self._connection = connection
        self._kind = permissions.standing(caller)
        self._parameters = permissions.parameters(caller, now)
        self._batch = batch

    def commits(self, after: int) -> Rows:
        """What was committed after this number, in the order of commits."""
        streams = []
        if self._kind != "anonymous":
            streams.append(self._read(_editable_commits(self._kind), (after,)))
        if self._kind != "editor":
            streams.append(self._read(_public_commits(self._kind), (after,)))
        last = after
        for row in merge(*streams, key=lambda row: int(row.sequence)):
            # An author's own are among the public ones too.
            if row.sequence > last:
                yield row
            last = row.sequence

    def dues(self, after: Due) -> Rows:
        """What has fallen due since, in the order in which it did."""
        # To an editor nothing becomes visible by itself.
        return iter(()) if self._kind == "editor" else self._read(_dues(self._kind), after)

    def _read(self, statement: Select[Any], after: Key) -> Rows:
        batch = self._batch
        while True:
            values = {**self._parameters, **bind_values(Position(after), batch - 1)}
            rows = self._connection.execute(statement, values).all()
            yield from rows
            if len(rows) < batch:
                return
            after = rows[-1][: len(after)]
            # Whoever looks further passes over much that is not for this caller.
            batch = min(2 * batch, _LARGEST_BATCH)


_DATE = select(revision.c.updated_date).where(revision.c.sequence == bindparam("sequence"))
# A sum is served by no index: a planner would walk the one of all revisions to find the least.
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
def _editable_commits(standing: permissions.Standing) -> Select[Any]:
    return _commits(standing).where(permissions.editable(revision, standing))


@cache
def _public_commits(standing: permissions.Standing) -> Select[Any]:
    return _commits(standing).where(revision.c.public == true())


def _commits(standing: permissions.Standing) -> Select[Any]:
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
        permissions.editable(revision, standing).label("editable"),
    ).outerjoin_from(revision, _old, old)
    return paginate(statement, [c.sequence], _AFTER)


@cache
def _dues(standing: permissions.Standing) -> Select[Any]:
    c = revision.c
    following = and_(_next.c.post_id == c.post_id, _next.c.version == c.version + 1)
    statement = (
        select(
            c.due_date,
            c.sequence,
            c.post_id,
            c.version,
            _next.c.sequence.label("next_sequence"),
            permissions.editable(revision, standing).label("editable"),
        )
        .outerjoin_from(revision, _next, following)
        .where(c.due_date.is_not(None), c.due_date <= permissions.now_parameter)
    )
    return paginate(statement, [c.due_date, c.sequence], _AFTER)

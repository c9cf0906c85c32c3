"""Rendering posts anew whose HTML another version of the renderer made, while they are served."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from time import sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, update

from blog.content.renderings import Rendering, text_version_of
from blog.database.database import Database
from blog.database.page_bytes import bound_bytes, page_taker
from blog.database.session import Session
from blog.storage.tables import post

if TYPE_CHECKING:
    # `blog serve` only asks whether there is something to render.
    from blog.content.markup import Renderer

logger = logging.getLogger("blog.rendering")

# How many posts are rendered between two pauses.
_BATCH = 200
# How many of them are written at once. On SQLite, other writes wait for them: this process has the
# lowest priority, and may take a hundred times as long as usual.
_WRITTEN_AT_ONCE = 50
# How many seconds there are at least between two batches: each empties all response caches.
_PAUSE = 1.0
# How long to wait, in seconds, while another process renders the posts of this database.
_LONG_PAUSE = 5.0
# What the process that renders locks, so that no other one does the same work.
_LOCK = "rendering"

# Called with the number of posts just processed, and the number of all posts to process.
Progress = Callable[[int, int], None]


@dataclass
class Renewal:
    """How far the posts have been rendered anew by a renderer.

    What was written stays so, whenever it ends. ``rendered`` counts the posts.
    """

    renderer: Renderer
    rendered: int = 0
    # Where the next batch begins: after this post, of those with this old version.
    _old: str | None = None
    _after: str = ""

    def render_batch(self, session: Session) -> int | None:
        """Render the next posts, committed when this returns; return how many, or None at the end.

        A post that changes meanwhile is left as it is. Raises StorageUnavailable.
        """
        version = self.renderer.version
        if self._old is None:
            self._old = _next_version(session, None, version)
        if self._old is None:
            return None
        rows = _read(session, {"old": self._old, "after": self._after})
        if rows:
            self._write(session, rows)
            self._after = rows[-1].id
        else:
            self._after = ""
            self._old = _next_version(session, self._old, version)
        return len(rows)

    def _write(self, session: Session, rows: Sequence[Any]) -> None:
        """Write the HTML of posts that are still in the state in which they were read."""
        values = [self._values(row) for row in rows]
        for start in range(0, len(values), _WRITTEN_AT_ONCE):
            self.rendered += _write(session, values[start : start + _WRITTEN_AT_ONCE])

    def _values(self, row: Any) -> dict[str, object]:
        html, version = self._render(row)
        seen = {"post_id": row.id, "seen": row.version, "old": self._old}
        return {**seen, "html": html, "new": version}

    def _render(self, row: Any) -> Rendering:
        """Render a post; where that fails, its body becomes text, and others have their turn."""
        try:
            return self.renderer.render_stored(row.body, row.format, row.id)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            # A panic of a library that is written in Rust is no Exception.
            logger.exception("post %s: rendering failed, and the body is shown as text", row.id)
            return self.renderer.as_text(row.body)


def render_anew(
    database: Database,
    renewal: Renewal,
    progress: Progress | None = None,
    pause: Callable[[float], object] = sleep,
) -> None:
    """Render all posts anew whose HTML is old, in batches with pauses. It needs two connections.

    No post gets a new version, and a concurrent edit is not undone. One process of all does this
    at a time, while the others wait; ``progress`` is of all together. Raises StorageUnavailable.
    """
    meter = _Meter(database, renewal.renderer.version, progress)
    is_done = False
    while not is_done:
        with database.try_lock_name(_LOCK) as is_locked:
            if is_locked:
                is_done = _render_next(database, renewal, pause)
        if not is_locked:
            pause(_LONG_PAUSE)
        meter.tell()


def _render_next(database: Database, renewal: Renewal, pause: Callable[[float], object]) -> bool:
    """Render a batch, and pause; return whether nothing was left.

    The lock is kept meanwhile, so that processes that take turns keep the pace together.
    """
    with database.session() as session:
        count = renewal.render_batch(session)
    if count:
        pause(_PAUSE)
    return count is None


class _Meter:
    """Tells how many posts were rendered, by whichever process."""

    def __init__(self, database: Database, version: str, progress: Progress | None) -> None:
        self._database = database
        self._version = version
        self._progress = progress
        self._total = self._left = count_old(database, version) if progress else 0

    def tell(self) -> None:
        """Tell the progress since the last time, if there is some and someone asks."""
        if self._progress:
            left = count_old(self._database, self._version)
            if left != self._left:
                self._progress(self._left - left, self._total)
            self._left = left


def has_old(session: Session, version: str) -> bool:
    """Whether a post is to be rendered anew by the renderer of a version.

    Raises StorageUnavailable.
    """
    return _next_version(session, None, version) is not None


def count_old(database: Database, version: str) -> int:
    """How many posts are to be rendered anew. Raises StorageUnavailable."""
    values = {"new": version, "text": text_version_of(version)}
    with database.session() as session:
        return session.reading().scalar(_COUNT, values) or 0


def find_texts(session: Session, version: str) -> Iterator[str]:
    """The ids of the posts whose body could not be rendered, and is shown as text.

    Raises StorageUnavailable.
    """
    after = ""
    while rows := session.fetch(_TEXTS, {"text": text_version_of(version), "after": after}):
        yield from (row.id for row in rows)
        after = rows[-1].id


def _next_version(session: Session, after: str | None, version: str) -> str | None:
    """The next one of the versions that posts were rendered with, but for the present ones."""
    connection = session.reading()
    found = _least_version(connection, after)
    while found in (version, text_version_of(version)):
        found = _least_version(connection, found)
    return found


def _least_version(connection: Connection, after: str | None) -> str | None:
    statement = _FIRST if after is None else _NEXT
    version: str | None = connection.scalar(statement, {"after": after})
    return version


def _read(session: Session, values: dict[str, object]) -> Sequence[Any]:
    # PostgreSQL ends the result by itself where it has enough bytes.
    return session.fetch(_batch_statement(session.kind), values, page_taker(["body"]))


def _write(session: Session, values: list[dict[str, object]]) -> int:
    """Write HTML; return for how many posts, of which some may have changed since."""

    def write(connection: Connection) -> int:
        return connection.execute(_UPDATE, values).rowcount

    return session.write(write)


@cache
def _batch_statement(kind: str) -> Select[Any]:
    columns = (post.c.id, post.c.version, post.c.format, post.c.body)
    statement = (
        select(*columns)
        .where(post.c.rendering == bindparam("old"), post.c.id > bindparam("after"))
        .order_by(post.c.id)
        .limit(_BATCH)
    )
    if kind == "postgresql":
        return bound_bytes(statement, [post.c.body], [post.c.id])
    return statement


_FIRST = select(func.min(post.c.rendering))
_NEXT = _FIRST.where(post.c.rendering > bindparam("after"))
# Unlike inequalities, ranges are found by an index.
_COUNT = (
    select(func.count())
    .select_from(post)
    .where(
        or_(
            post.c.rendering < bindparam("new"),
            and_(post.c.rendering > bindparam("new"), post.c.rendering < bindparam("text")),
            post.c.rendering > bindparam("text"),
        )
    )
)
_TEXTS = (
    select(post.c.id)
    .where(post.c.rendering == bindparam("text"), post.c.id > bindparam("after"))
    .order_by(post.c.id)
    .limit(_BATCH)
)
_UPDATE = (
    update(post)
    .where(
        post.c.id == bindparam("post_id"),
        post.c.version == bindparam("seen"),
        post.c.rendering == bindparam("old"),
    )
    .values(body_html=bindparam("html"), rendering=bindparam("new"))
)

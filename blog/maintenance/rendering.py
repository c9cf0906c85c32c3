"""Rendering posts anew whose HTML another version of the renderer made, while they are served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from time import sleep
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from blog.content.markup import Renderer
from blog.database.database import Database
from blog.database.page_bytes import bound_bytes, page_taker
from blog.database.session import Session
from blog.storage.tables import post

# How many posts are written at once. On SQLite, other writes wait for them.
_BATCH = 200
# How many seconds there are at least between two batches: each empties all response caches.
_PAUSE = 1.0
# How long to wait, in seconds, while another process renders the posts of this database.
_LONG_PAUSE = 5.0
# What the process that renders claims, so that no other one does the same work.
_CLAIM = "rendering"

# Called with the number of posts just processed, and the number of all posts to process.
Progress = Callable[[int, int], None]


@dataclass
class Renewal:
    """How far the posts have been rendered anew by a renderer.

    What was written stays so, whenever it ends. ``rendered`` counts the posts, and ``escaped`` has
    the ids of those whose body exceeds a bound of the renderer, so that it is shown as text.
    """

    renderer: Renderer
    rendered: int = 0
    escaped: list[str] = field(default_factory=list)
    # Where the next batch begins: after this post, of those with this old version.
    _old: str | None = None
    _after: str = ""

    def render_batch(self, session: Session) -> int | None:
        """Render the next posts, committed when this returns; return how many, or None at the end.

        A post that changes meanwhile is left as it is. Raises StorageUnavailable.
        """
        if self._old is None:
            self._old = _next_version(session, None, self.renderer)
        if self._old is None:
            return None
        rows = _read(session, {"old": self._old, "after": self._after})
        if rows:
            self._write(session, rows)
            self._after = rows[-1].id
        else:
            self._after = ""
            self._old = _next_version(session, self._old, self.renderer)
        return len(rows)

    def _write(self, session: Session, rows: Sequence[Any]) -> None:
        """Write the HTML of posts that are still in the state in which they were read."""
        render = self.renderer.render_stored
        made = [(row, render(row.body, row.format, row.id)) for row in rows]
        values = [
            {
                "post_id": row.id,
                "seen": row.version,
                "old": self._old,
                "html": rendering.html,
                "new": self.renderer.version,
            }
            for row, rendering in made
        ]
        session.write(lambda connection: connection.execute(_UPDATE, values))
        self.rendered += len(rows)
        self.escaped += [row.id for row, rendering in made if rendering.is_escaped]


def render_anew(
    database: Database,
    renderer: Renderer,
    progress: Progress | None = None,
    pause: Callable[[float], object] = sleep,
) -> Renewal:
    """Render all posts anew whose HTML is old, in batches with pauses. It needs two connections.

    No post gets a new version, and a concurrent edit is not undone. On PostgreSQL, one process of
    all nodes does this while the others wait. Raises StorageUnavailable.
    """
    renewal = Renewal(renderer)
    total = _count(database, renderer) if progress else 0
    while True:
        with database.session() as claiming:
            if not claiming.claim(_CLAIM):
                pause(_LONG_PAUSE)
                continue
            with database.session() as session:
                count = renewal.render_batch(session)
            if count is None:
                return renewal
            if count:
                if progress:
                    progress(count, total)
                # The claim is kept, so that processes that take turns keep the pace together.
                pause(_PAUSE)


def has_old(session: Session, renderer: Renderer) -> bool:
    """Whether a post is to be rendered anew. Raises StorageUnavailable."""
    return _next_version(session, None, renderer) is not None


def _count(database: Database, renderer: Renderer) -> int:
    with database.session() as session:
        return session.reading().scalar(_COUNT, {"new": renderer.version}) or 0


def _next_version(session: Session, version: str | None, renderer: Renderer) -> str | None:
    """The next one of the versions that posts were rendered with, but for that of the renderer."""
    connection = session.reading()
    found = _least_version(connection, version)
    return _least_version(connection, found) if found == renderer.version else found


def _least_version(connection: Connection, after: str | None) -> str | None:
    statement = _FIRST if after is None else _NEXT
    version: str | None = connection.scalar(statement, {"after": after})
    return version


def _read(session: Session, values: dict[str, object]) -> Sequence[Any]:
    # PostgreSQL ends the result by itself where it has enough bytes.
    return session.fetch(_batch_statement(session.kind), values, page_taker(["body"]))


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
# Unlike an inequality, these are found by an index.
_COUNT = (
    select(func.count())
    .select_from(post)
    .where(or_(post.c.rendering < bindparam("new"), post.c.rendering > bindparam("new")))
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

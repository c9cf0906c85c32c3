"""The change feed: posts that were created, updated or deleted, for clients with a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from werkzeug.http import quote_etag

from blog.content.posts import Post, long_texts
from blog.errors import DeadCursor, Fault, Malformed, NotFound
from blog.http import relations
from blog.http.api import Resource
from blog.http.conditional import version_tag
from blog.http.cursors import DEFAULT_LIMIT, PARAMETERS
from blog.representations.document import Document, Link
from blog.resources.posts import FIELD_PARAMETER, represent, validators_of
from blog.storage import changes
from blog.storage.access import Access
from blog.storage.changed_posts import find_changed_posts
from blog.storage.changes import BEGINNING, Change, Changes, Due, FeedPosition
from blog.storage.keyset import Key, Position

# Stands in place of a cursor for the current end of the feed.
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class _Found:
    """Changes, and their posts as the caller may see them now, by id."""

    changes: Changes
    posts: Mapping[str, Post] = field(default_factory=dict)


class ChangeList(Resource):
    """All changes that the caller may see, in their order."""

    parameters = {"limit": PARAMETERS["limit"], "after": str, **FIELD_PARAMETER}
    depends_on_time = True

    def get(self) -> Document:
        """The changes after a cursor and the next cursor; may wait until there are changes."""
        if self.query.get("after") == LATEST:
            end = changes.latest(self._access_now())
            return self._page(_Found(Changes([], end)))
        start = self._start()
        found = self.services.long_poll.wait_for(
            lambda: self._look(start), lambda found: bool(found.changes.items)
        )
        return self._page(found)

    def _page(self, found: _Found) -> Document:
        links = {
            relations.SELF: self._link(self.query.get("after")),
            relations.FIRST: self._link(None),
            relations.NEXT: self._link(self._cursor(found.changes.position)),
            relations.LATEST: self._link(LATEST),
            relations.HOME: self.links.root,
        }
        items = [self.document(item, found.posts.get(item.post_id)) for item in found.changes.items]
        return Document.list_of(relations.CHANGES, items, links)

    def document(self, state: Change, current: Post | None) -> Document:
        """Represent a change to the caller, with links to the post and its versions."""
        links = {relations.POST: self.links.post(state.post_id)}
        if state.editable:
            links[relations.VERSION_HISTORY] = self.links.revisions(state.post_id)
        fields: dict[str, object] = {
            "operation": state.operation,
            "version": state.version,
            "at": state.date,
        }
        if state.operation == "deleted":
            return Document(links, fields, updated=state.date)
        if current:
            etag = quote_etag(version_tag(validators_of(current)))
            fields |= {"slug": current.written.slug, "title": current.written.title, "etag": etag}
        title = current and current.written.title
        embedded = self._embedded(current)
        return Document(links, fields, title=title, updated=state.date, embedded=embedded)

    def _embedded(self, current: Post | None) -> Mapping[str, Document | None]:
        """The post itself, where the client requests it; None where it does not exist now."""
        fields = self.query.get("fields")
        if fields is None:
            return {}
        return {relations.POST: current and represent(current, tuple(fields), self.links)}

    def _look(self, start: FeedPosition) -> _Found:
        limit = self.query.get("limit", DEFAULT_LIMIT)
        texts = long_texts(self.query.get("fields", ()))
        access = self._access_now()
        try:
            changed = changes.follow(access, limit, start)
        except NotFound:
            detail = "is of a history that was replaced by another; begin without one"
            raise DeadCursor([Fault(detail, parameter="after")]) from None
        found = _Found(*find_changed_posts(access, changed, texts))
        # A request that waits for changes holds no connection.
        self.session.close()
        return found

    def _access_now(self) -> Access:
        """The access at this moment: a request that waits reads again at later times."""
        return replace(self.access, now=self.services.now())

    def _start(self) -> FeedPosition:
        if (cursor := self.query.get("after")) is None:
            return BEGINNING
        owner, sequence, date, *due = self._read(cursor)
        if owner != self._owner:
            detail = "is of another caller, or of another role; begin without one"
            raise DeadCursor([Fault(detail, parameter="after")])
        return FeedPosition(sequence, date, Due(*due))

    def _read(self, cursor: str) -> Key:
        cursors = self.services.cursors
        try:
            return cursors.read(cursor, "changes", "after").key
        except Malformed:
            # Earlier versions of the program signed the owner, and wrote the rest.
            key = cursors.read(cursor, f"changes {self.caller}", "after").key
            return (self._owner, *key)

    def _cursor(self, position: FeedPosition) -> str:
        key = (self._owner, position.sequence, position.date, *position.due)
        return self.services.cursors.write(Position(key), "changes")

    @property
    def _owner(self) -> str:
        """The caller that a cursor belongs to: another caller sees other changes."""
        return sha256(str(self.caller).encode()).hexdigest()[:16]

    def _link(self, after: str | None) -> Link:
        names = ("limit", "fields")
        written = {name: self.query.written.get(name) for name in names} | {"after": after}
        given = {name: text for name, text in written.items() if text is not None}
        return self.links.query(self.links.changes, given)

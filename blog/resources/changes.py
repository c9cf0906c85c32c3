"""The change feed: what was created, updated or deleted, for clients that keep a copy."""

from __future__ import annotations

from blog.errors import Fault, Malformed, NotFound
from blog.http.api import Resource
from blog.http.paging import DEFAULT_LIMIT, PARAMETERS
from blog.representations.document import Document, Link
from blog.storage import changes
from blog.storage.changes import BEGINNING, Change, Changes, Due, Frontier
from blog.storage.paging import Position


class ChangeList(Resource):
    """Every change that the caller could see, in the order in which it came."""

    parameters = {"limit": PARAMETERS["limit"], "after": str}
    depends_on_time = True

    def get(self) -> Document:
        """The changes after a cursor, and where to go on; may wait until there are some."""
        start = self._start()
        found = self.services.waiting_room.wait_for(
            lambda: self._look(start), lambda changes: bool(changes.items)
        )
        links = {
            "self": self._link(self.query.get("after")),
            "first": self._link(None),
            "next": self._link(self._cursor(found.frontier)),
            "home": self.links.root,
        }
        return Document(links, name="changes", items=[self.document(item) for item in found.items])

    def document(self, state: Change) -> Document:
        """Represent a change to the caller, with the way to the post and to its versions."""
        links = {"post": self.links.post(state.post_id)}
        if state.editable:
            links["version-history"] = self.links.revisions(state.post_id)
        fields = {"operation": state.operation, "version": state.version, "at": state.date}
        return Document(links, fields)

    def _look(self, start: Frontier) -> Changes:
        limit = self.query.get("limit", DEFAULT_LIMIT)
        try:
            found = changes.follow(self.session, self.caller, self.services.now(), limit, start)
        except NotFound:
            detail = "is of a history that was replaced by another; begin without one"
            raise Malformed([Fault(detail, parameter="after")]) from None
        # Whoever waits for more keeps no connection meanwhile.
        self.session.close()
        return found

    def _start(self) -> Frontier:
        if (cursor := self.query.get("after")) is None:
            return BEGINNING
        sequence, date, *due = self.services.cursors.read(cursor, self._scope, "after").key
        return Frontier(sequence, date, Due(*due))

    def _cursor(self, frontier: Frontier) -> str:
        position = Position((frontier.sequence, frontier.date, *frontier.due))
        return self.services.cursors.write(position, self._scope)

    @property
    def _scope(self) -> str:
        """For whom a cursor is: another caller has been told other things."""
        return f"changes {self.caller}"

    def _link(self, after: str | None) -> Link:
        written = {"limit": self.query.written.get("limit"), "after": after}
        given = {name: text for name, text in written.items() if text is not None}
        return self.links.query(self.links.changes, given)

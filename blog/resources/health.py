"""The server's health, for what watches it: whether it lives, and whether it can serve."""

from __future__ import annotations

from typing import Any

from blog.errors import DatabaseError, NotReady, StorageUnavailable
from blog.http import relations
from blog.http.api import Resource
from blog.maintenance import schema
from blog.representations.document import Document


class Liveness(Resource):
    """Whether the server answers at all; if it does not, only a restart helps."""

    any_host = True
    cacheable = False
    constant = True

    def get(self) -> Document:
        """Say that it does, without a look at the database."""
        return Document({relations.SELF: self.links.liveness}, {"status": "live"})


class Readiness(Resource):
    """Whether requests may be sent here."""

    any_host = True
    cacheable = False
    # While there is no primary, reads go on.
    source = "primary, else replica"

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Answer; however the database fails to, it is the same news here."""
        try:
            return super().dispatch_request(*args, **kwargs)
        except (DatabaseError, StorageUnavailable) as error:
            raise NotReady("database", "the database can't be read now") from error

    def get(self) -> Document:
        """Look at the database and its schema; say who answered, and whether writes fail."""
        schema.require_ready(self.session)
        self.services.schema_watch.require_whole(self.session)
        answering = "primary" if self.session.is_on_primary() else "replica"
        writes = "failing" if schema.why_unwritable(self.session) else "working"
        members = {"status": "ready", "database": answering, "writes": writes}
        return Document({relations.SELF: self.links.readiness}, members)

"""Health checks of the server: liveness and readiness."""

from __future__ import annotations

from typing import Any

from blog.errors import DatabaseError, NotReady, StorageUnavailable
from blog.http import relations
from blog.http.api import Resource
from blog.maintenance import schema
from blog.representations.document import Document


class Liveness(Resource):
    """Whether the process responds; if it does not, it has to be restarted."""

    any_host = True
    cacheable = False
    constant = True

    def get(self) -> Document:
        """A constant document; the database is not read."""
        return Document({relations.SELF: self.links.liveness}, {"status": "live"})


class Readiness(Resource):
    """Whether the server can handle requests."""

    any_host = True
    cacheable = False
    # Reads continue while there is no primary.
    source = "primary, else replica"

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Respond; any failure of the database is NotReady."""
        try:
            return super().dispatch_request(*args, **kwargs)
        except (DatabaseError, StorageUnavailable) as error:
            raise NotReady("database", "the database can't be read now") from error

    def get(self) -> Document:
        """Check the database and its schema; name the server, and say whether writes fail."""
        schema.require_ready(self.session)
        self.services.schema_watch.require_whole(self.session)
        server = "primary" if self.session.is_on_primary() else "replica"
        writes = "failing" if schema.why_unwritable(self.session) else "working"
        members = {"status": "ready", "database": server, "writes": writes}
        return Document({relations.SELF: self.links.readiness}, members)

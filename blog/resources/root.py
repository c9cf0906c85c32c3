"""The root: the one address that a client has to know."""

from __future__ import annotations

from blog.http.api import Resource
from blog.representations.document import Document
from blog.resources.posts import SEARCH_PARAMETERS


class Root(Resource):
    """The entry links."""

    def get(self) -> Document:
        """Say where everything is, for this caller."""
        links = {
            "self": self.links.root,
            "posts": self.links.posts,
            "authors": self.links.authors,
            "tags": self.links.tags,
            "changes": self.links.changes,
            "search": self.links.template(self.links.posts, SEARCH_PARAMETERS),
        }
        if self.caller:
            links["me"] = self.links.author(self.caller.name)
        return Document(links)

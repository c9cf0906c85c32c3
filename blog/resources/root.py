"""The root: the only URL that a client has to know."""

from __future__ import annotations

from blog.http import relations
from blog.http.api import Resource
from blog.representations.document import Document
from blog.resources.posts import SEARCH_PARAMETERS


class Root(Resource):
    """The entry links."""

    def get(self) -> Document:
        """The links that this caller can follow from here."""
        links = {
            relations.SELF: self.links.root,
            relations.POSTS: self.links.posts,
            relations.AUTHORS: self.links.authors,
            relations.TAGS: self.links.tags,
            relations.CHANGES: self.links.changes,
            relations.SEARCH: self.links.template(self.links.posts, SEARCH_PARAMETERS),
        }
        if self.caller:
            links[relations.ME] = self.links.author(self.caller.name)
        return Document(links)

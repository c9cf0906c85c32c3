"""The tags in use, and how many posts have them."""

from __future__ import annotations

from blog.http import cursors, relations
from blog.http.api import Resource
from blog.http.cursors import Paging
from blog.representations.document import Document
from blog.storage import tags
from blog.storage.tags import TagCount


class TagList(Resource):
    """All tags of posts that the caller may see."""

    parameters = cursors.PARAMETERS

    def get(self) -> Document:
        """A page of tags, by name."""
        listing = Paging(self.services.cursors, self.links.tags, self.query)
        page = tags.page(self.access, listing.limit, listing.position)
        links = {
            **listing.links(page),
            relations.HOME: self.links.root,
            relations.POSTS: self.links.posts,
        }
        items = [self.document(item) for item in page.items]
        return Document.list_of(relations.TAGS, items, links)

    def document(self, state: TagCount) -> Document:
        """Represent a tag by its name, its count, and a link to its posts."""
        posts = self.links.query(self.links.posts, {"tag": state.name})
        fields = {"name": state.name, "count": state.count}
        return Document({relations.POSTS: posts}, fields, title=state.name)

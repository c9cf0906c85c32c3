"""The list of posts, and each post."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from operator import attrgetter

from blog.content import posts as content
from blog.content.dates import parse_moment
from blog.content.posts import ATTRIBUTES, FIELDS, SERVER_FIELDS, PostContent, long_texts
from blog.content.validation import as_json, validate
from blog.http import cursors, relations
from blog.http.api import Resource
from blog.http.application import POST_ID
from blog.http.conditional import check_list_precondition
from blog.http.cursors import DEFAULT_LIMIT, Paging
from blog.http.idempotency import read_key
from blog.http.links import Links
from blog.http.query_parameters import Parser, list_of, one_of, plain_text, some_of
from blog.http.request_json import Patch, read_json, read_patch
from blog.http.responses import Created
from blog.representations.document import Document, Validators
from blog.storage import post_list, post_writes, posts
from blog.storage.post_list import (
    MOST_IDS,
    NEWEST_FIRST,
    OLDEST_UPDATE_FIRST,
    SORTS,
    Filter,
    PostQuery,
)

# The fields that are shown where the client chooses none.
DEFAULT_FIELDS = tuple(field.name for field in FIELDS if field.is_shown)
FIELD_PARAMETER: Mapping[str, Parser] = {"fields": some_of(tuple(ATTRIBUTES))}
FILTER_PARAMETERS: Mapping[str, Parser] = {
    "author": plain_text,
    "tag": plain_text,
    "status": one_of(("published", "scheduled", "draft")),
    "slug": plain_text,
    "since": parse_moment,
    "until": parse_moment,
    "updatedSince": parse_moment,
    "id": list_of(MOST_IDS, POST_ID, "the id of a post, 32 hexadecimal digits in lower case"),
}
# The attributes of a `Filter` by the names of the parameters.
_FILTERS = {
    **{name: name for name in FILTER_PARAMETERS},
    "updatedSince": "updated_since",
    "id": "ids",
}
SEARCH_PARAMETERS = ("limit", *FILTER_PARAMETERS, "sort", "fields")


class _PostResource(Resource):
    """The representation of a post, in the list and by itself."""

    write_parameters = FIELD_PARAMETER

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the client has chosen, and those that the representation needs."""
        chosen = tuple(self.query.get("fields", DEFAULT_FIELDS))
        return (*chosen, *sorted(self.representation.needs - set(chosen)))

    def document(self, state: content.Post) -> Document:
        """Represent a post to the caller."""
        return represent(state, self.fields, self.links)


class PostList(_PostResource):
    """All posts that the caller may see."""

    parameters = {
        **cursors.PARAMETERS,
        **FILTER_PARAMETERS,
        "sort": one_of(tuple(SORTS)),
        **FIELD_PARAMETER,
    }

    def get(self) -> Document:
        """A page of the posts that match the query."""
        wanted = Filter(**{name: self.query.get(given) for given, name in _FILTERS.items()})
        default_limit = len(wanted.ids) if wanted.ids else DEFAULT_LIMIT
        listing = Paging(self.services.cursors, self.links.posts, self.query, default_limit)
        default_sort = OLDEST_UPDATE_FIRST if wanted.updated_since else NEWEST_FIRST
        sort = SORTS[self.query.get("sort", default_sort)]
        texts = long_texts(self.fields)
        query = PostQuery(listing.limit, wanted, sort, position=listing.position, texts=texts)
        page = post_list.page(self.access, query)
        links = {
            **listing.links(page),
            relations.HOME: self.links.root,
            relations.SEARCH: self.links.template(self.links.posts, SEARCH_PARAMETERS),
        }
        fields = self.fields
        items = [represent(item, fields, self.links) for item in page.items]
        return Document.list_of(relations.POSTS, items, links)

    def post(self) -> Created:
        """Create a post of the caller."""
        check_list_precondition()
        key = read_key(self.access)
        written = validate(PostContent, read_json(), SERVER_FIELDS)
        created = post_writes.create(self.access, written, key, long_texts(self.fields))
        return Created(self.document(created))


class Post(_PostResource):
    """One post."""

    parameters = FIELD_PARAMETER

    def get(self, post_id: str) -> Document:
        """The post, if the caller may see it."""
        return self.document(posts.find(self.access, post_id, long_texts(self.fields)))

    def put(self, post_id: str) -> Document:
        """Replace the fields of the post that a client writes."""
        return self._edit(post_id, partial(_replaced, read_json()))

    def patch(self, post_id: str) -> Document:
        """Change some fields of the post."""
        return self._edit(post_id, partial(self._patched, read_patch(SERVER_FIELDS)))

    def delete(self, post_id: str) -> None:
        """Delete the post."""
        precondition = self.precondition(post_id)
        post_writes.remove(self.access, post_id, precondition)

    def _edit(self, post_id: str, revise: post_writes.Revise) -> Document:
        precondition = self.precondition(post_id)
        edited = post_writes.edit(self.access, post_id, precondition, revise)
        return self.document(edited)

    def _patched(self, patch: Patch, current: content.Post) -> PostContent:
        seen = {**as_json(current, ATTRIBUTES), **self.links_of(self.document(current))}
        # An edit has read it, as every long text.
        seen["bodyHtml"] = self.links.resolve(current.body_html or "")
        changed, faults = patch(seen)
        return validate(PostContent, changed, SERVER_FIELDS, faults, current=current.content)


def represent(post: content.Post, fields: tuple[str, ...], links: Links) -> Document:
    """A post with the fields of these names."""
    own = links.post(post.id)
    shown = {
        relations.SELF: own,
        relations.POSTS: links.posts,
        relations.AUTHOR: links.author(post.author_name),
    }
    if post.editable:
        shown[relations.EDIT] = own
        # The relation has a name of ours, and a registered one (RFC 5829).
        shown[relations.REVISIONS] = shown[relations.VERSION_HISTORY] = links.revisions(post.id)
    return Document(
        shown,
        _values(post, fields, links),
        title=post.written.title,
        updated=post.updated_date,
        published=post.written.posted_date,
        validators=validators_of(post),
        # The HTML changes with the renderer too, which is no version of the post.
        is_dated="bodyHtml" not in fields,
    )


def _values(post: content.Post, fields: tuple[str, ...], links: Links) -> dict[str, object]:
    values: dict[str, object] = dict(zip(fields, _reader(fields)(post), strict=True))
    if "bodyHtml" in values and post.body_html is not None:
        values["bodyHtml"] = links.resolve(post.body_html)
    return values


def validators_of(post: content.Post) -> Validators:
    """The validators of this version of a post."""
    return Validators(post.id, post.version, post.updated_date, post.previous_date)


@lru_cache(maxsize=256)
def _reader(fields: tuple[str, ...]) -> Callable[[content.Post], tuple[object, ...]]:
    """The function that reads the values of these fields from a post."""
    paths = [ATTRIBUTES[name] for name in fields]
    # With a single path, `attrgetter` returns the value instead of a tuple.
    return attrgetter(*paths) if len(paths) > 1 else lambda post: (attrgetter(*paths)(post),)


def _replaced(body: object, current: content.Post) -> PostContent:
    """The content in the body of a PUT; an omitted slug or date stays as it is."""
    if isinstance(body, Mapping):
        kept = {"slug": "slug", "postedDate": "posted_date"}
        body = {**as_json(current.content, kept), **body}
    return validate(PostContent, body, SERVER_FIELDS, current=current.content)

"""The posts: a list to read and add to, and each post to read, change and delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

from werkzeug.utils import cached_property

from blog.content import posts as content
from blog.content.dates import parse_moment
from blog.content.posts import FIELDS, SERVER_FIELDS, PostContent
from blog.content.validation import as_json, validate
from blog.http import cursors, relations
from blog.http.api import Resource
from blog.http.application import POST_ID
from blog.http.conditional import check_list_precondition
from blog.http.cursors import DEFAULT_LIMIT, Paging
from blog.http.idempotency import read_claim
from blog.http.links import Links
from blog.http.query_parameters import Parser, list_of, one_of, plain_text, some_of
from blog.http.request_json import Patch, read_json, read_patch
from blog.http.responses import Created
from blog.representations.document import Document, Validators
from blog.storage import post_list, posts
from blog.storage.post_list import MOST_IDS, NEWEST_FIRST, OLDEST_UPDATE_FIRST, SORTS, Filter
from blog.storage.posts import Texts

# Rendered HTML is for those who ask: it says again what the body says.
DEFAULT_FIELDS = tuple(name for name in FIELDS if name != "bodyHtml")
FIELD_PARAMETER: Mapping[str, Parser] = {"fields": some_of(tuple(FIELDS))}
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
# Those whose name in a filter is another.
_FILTERS = {
    **{name: name for name in FILTER_PARAMETERS},
    "updatedSince": "updated_since",
    "id": "ids",
}
SEARCH_PARAMETERS = ("limit", *FILTER_PARAMETERS, "sort", "fields")


class _PostResource(Resource):
    """What the list and its members share: how a post is represented."""

    write_parameters = FIELD_PARAMETER
    single_read = True

    @cached_property
    def fields(self) -> Sequence[str]:
        """The fields that the client wants."""
        chosen: Sequence[str] = self.query.get("fields", DEFAULT_FIELDS)
        return chosen

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where in a post the fields are: to look for each of them by its name takes longer."""
        return field_places(tuple(self.fields))

    @property
    def texts(self) -> Texts:
        """The long texts that the client wants."""
        return texts_of(self.fields)

    def document(self, state: content.Post) -> Document:
        """Represent a post to the caller."""
        return represent(state, self.places, self.links)


class PostList(_PostResource):
    """All posts that the caller may see."""

    parameters = {
        **cursors.PARAMETERS,
        **FILTER_PARAMETERS,
        "sort": one_of(tuple(SORTS)),
        **FIELD_PARAMETER,
    }

    def get(self) -> Document:
        """A page of the posts that fit the query."""
        wanted = Filter(**{name: self.query.get(given) for given, name in _FILTERS.items()})
        default_limit = len(wanted.ids) if wanted.ids else DEFAULT_LIMIT
        listing = Paging(self.services.cursors, self.links.posts, self.query, default_limit)
        default_sort = OLDEST_UPDATE_FIRST if wanted.updated_since else NEWEST_FIRST
        sort = SORTS[self.query.get("sort", default_sort)]
        page = post_list.page(
            self.session,
            wanted,
            sort,
            self.caller,
            self.now,
            listing.limit,
            listing.position,
            self.texts,
        )
        links = {
            **listing.links(page),
            relations.HOME: self.links.root,
            relations.SEARCH: self.links.template(self.links.posts, SEARCH_PARAMETERS),
        }
        return Document(links, name=relations.POSTS, items=self._documents(page.items))

    def _documents(self, found: Sequence[content.Post]) -> Sequence[Document]:
        places, links = self.places, self.links
        return [represent(post, places, links) for post in found]

    def post(self) -> Created:
        """Create a post of the caller."""
        check_list_precondition()
        claim = read_claim(self.author, self.now)
        written = validate(PostContent, read_json(), SERVER_FIELDS)
        created = posts.create(self.session, written, self.author, self.now, claim, self.texts)
        return Created(self.document(created))


class Post(_PostResource):
    """One post."""

    parameters = FIELD_PARAMETER

    def get(self, post_id: str) -> Document:
        """The post, if the caller may see it."""
        return self.document(posts.find(self.session, post_id, self.caller, self.now, self.texts))

    def put(self, post_id: str) -> Document:
        """Replace what a client writes of the post."""
        return self._edit(post_id, partial(_replaced, read_json()))

    def patch(self, post_id: str) -> Document:
        """Change a part of the post."""
        return self._edit(post_id, partial(self._patched, read_patch(SERVER_FIELDS)))

    def delete(self, post_id: str) -> None:
        """Delete the post."""
        precondition = self.precondition(post_id)
        posts.remove(self.session, post_id, self.author, precondition, self.now)

    def _edit(self, post_id: str, revise: posts.Revise) -> Document:
        precondition = self.precondition(post_id)
        edited = posts.edit(self.session, post_id, self.author, precondition, revise, self.now)
        return self.document(edited)

    def _patched(self, patch: Patch, current: content.Post) -> PostContent:
        seen = {**as_json(current, FIELDS), **self.links_of(self.document(current))}
        changed, faults = patch(seen)
        return validate(PostContent, changed, SERVER_FIELDS, faults, current)


def texts_of(fields: Sequence[str]) -> Texts:
    """The long texts among some fields."""
    return Texts(body="body" in fields, body_html="bodyHtml" in fields)


def represent(post: content.Post, places: Mapping[str, int], links: Links) -> Document:
    """A post with the fields that are in these places, as `field_places` gives them."""
    own = links.post(post.id)
    shown = {
        relations.SELF: own,
        relations.POSTS: links.posts,
        relations.AUTHOR: links.author(post.author_name),
    }
    if post.editable:
        shown[relations.EDIT] = own
        # The same by the name that the posts and authors have, and by the registered one.
        shown[relations.REVISIONS] = shown[relations.VERSION_HISTORY] = links.revisions(post.id)
    return Document(
        shown,
        {name: post[place] for name, place in places.items()},
        validators=validators_of(post),
    )


def validators_of(post: content.Post) -> Validators:
    """What tells this version of a post from every other."""
    return Validators(post.id, post.version, post.updated_date, post.previous_date)


@lru_cache(maxsize=256)
def field_places(fields: tuple[str, ...]) -> Mapping[str, int]:
    """Where in a post these fields stand."""
    return {name: content.Post._fields.index(FIELDS[name]) for name in fields}


def _replaced(body: object, current: content.Post) -> PostContent:
    """The post with the body in its place; an omitted slug or date stays."""
    if isinstance(body, Mapping):
        kept = {"slug": "slug", "postedDate": "posted_date"}
        body = {**as_json(current, kept), **body}
    return validate(PostContent, body, SERVER_FIELDS, current=current)

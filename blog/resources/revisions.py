"""The versions of a post: their list, from which one is restored, each version, and its diff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter

from blog.content import revisions as content
from blog.content.posts import LONG_FIELDS, Post
from blog.content.revisions import FIELDS, TOMBSTONE_FIELDS, difference
from blog.content.validation import validate
from blog.errors import NotFound
from blog.http import cursors, relations
from blog.http.api import Resource
from blog.http.conditional import read_precondition
from blog.http.cursors import Paging
from blog.http.idempotency import read_key
from blog.http.links import Links
from blog.http.request_json import read_json
from blog.http.responses import Created
from blog.representations import hal, json, json_patch
from blog.representations.document import Document, Validators
from blog.storage import revisions
from blog.storage.restoration import Restoration

# Long texts are only in the representation of a single version.
LISTED_FIELDS = {name: FIELDS[name] for name in FIELDS if name not in LONG_FIELDS}


class RevisionList(Resource):
    """All versions of a post, for callers who may change it, also after its deletion."""

    parameters = cursors.PARAMETERS

    def get(self, post_id: str) -> Document:
        """A page of the versions, the newest first."""
        newest = revisions.find_newest(self.access, post_id)
        listing = Paging(self.services.cursors, self.links.revisions(post_id), self.query)
        page = revisions.page(self.access, post_id, listing.limit, listing.position)
        links = {**listing.links(page), relations.HOME: self.links.root}
        if not newest.is_tombstone:
            links[relations.POST] = links[relations.LATEST_VERSION] = self.links.post(post_id)
        items = [_represent(item, LISTED_FIELDS, self.links) for item in page.items]
        return Document.list_of(relations.REVISIONS, items, links, _validators(newest))

    def post(self, post_id: str) -> Document | Created:
        """Restore a version: its content becomes the newest version."""
        revisions.find_newest(self.access, post_id)
        precondition = read_precondition(post_id, required=False)
        key = read_key(self.access)
        wanted = validate(content.Restoration, read_json(), ()).restore
        restored = Restoration(self.access, post_id, precondition, key).restore(wanted)
        version = revisions.find(self.access, post_id, restored.version)
        # A repeated request gets the first response, in which the version had no successor.
        document = _represent(replace(version, successor_date=None), FIELDS, self.links)
        if not restored.written:
            return document
        return Created(document)

    def document(self, state: Post | content.Revision) -> Document:
        """The list as it is now, for a write whose precondition is not met."""
        return self.get(state.id if isinstance(state, Post) else state.post_id)


class Revision(Resource):
    """One version of a post."""

    def get(self, post_id: str, number: int) -> Document:
        """The version, as it was written."""
        found = revisions.find(self.access, post_id, number)
        return _represent(found, FIELDS, self.links)


class RevisionDiff(Resource):
    """How a version of a post differs from the one before it."""

    produces = (json_patch, json, hal)

    def get(self, post_id: str, number: int) -> Document:
        """The operations that turn the earlier version into this one."""
        after = revisions.find(self.access, post_id, number)
        before = revisions.load(self.session.reading(), post_id, number - 1)
        if before is None or before.content is None or after.content is None:
            raise NotFound(f"version {number} follows no other that it could be compared with")
        links = {
            relations.SELF: self.links.diff(post_id, number),
            relations.VERSION_HISTORY: self.links.revisions(post_id),
            relations.PREDECESSOR_VERSION: self.links.revision(post_id, number - 1),
        }
        operations = [Document({}, each) for each in difference(before.content, after.content)]
        return Document.list_of(relations.OPERATIONS, operations, links)


def _represent(revision: content.Revision, fields: Mapping[str, str], links: Links) -> Document:
    post_id, number = revision.post_id, revision.version
    shown = {
        relations.SELF: links.revision(post_id, number),
        relations.VERSION_HISTORY: links.revisions(post_id),
        relations.AUTHOR: links.author(revision.author_name),
    }
    if revision.predecessor is not None:
        shown[relations.PREDECESSOR_VERSION] = links.revision(post_id, number - 1)
    if revision.successor_date is not None:
        shown[relations.SUCCESSOR_VERSION] = links.revision(post_id, number + 1)
    if not revision.is_tombstone and revision.predecessor in ("created", "updated"):
        shown[relations.DIFF] = links.diff(post_id, number)
    known = TOMBSTONE_FIELDS if revision.is_tombstone else fields
    return Document(
        shown,
        {name: attrgetter(attribute)(revision) for name, attribute in known.items()},
        title=revision.written.title,
        updated=revision.updated_date,
        published=revision.written.posted_date,
        validators=_own_validators(revision),
    )


def _own_validators(revision: content.Revision) -> Validators:
    """A version never changes, but its links do once, when another version follows."""
    identity = f"{revision.post_id}/{revision.version}"
    if (followed := revision.successor_date) is None:
        return Validators(identity, revision.version, revision.updated_date, None)
    return Validators(identity, revision.version, followed, revision.updated_date)


def _validators(newest: content.Revision) -> Validators:
    """The validators of the post, so that a write may name the state of the list or of the post."""
    return Validators(newest.post_id, newest.version, newest.updated_date, newest.previous_date)

"""The list of authors, and their profiles, which their owners may change."""

from __future__ import annotations

from functools import partial

from blog.content import authors as content
from blog.content.authors import FIELDS, SERVER_FIELDS, Profile
from blog.content.validation import as_json, validate
from blog.http import cursors, relations
from blog.http.api import Resource
from blog.http.cursors import Paging
from blog.http.request_json import Patch, read_json, read_patch
from blog.representations.document import Document, Validators
from blog.storage import authors


class _AuthorResource(Resource):
    """The representation of a profile, in the list and by itself."""

    def document(self, state: content.Author) -> Document:
        """Represent a profile to the caller."""
        own = self.links.author(state.name)
        links = {
            relations.SELF: own,
            relations.AUTHORS: self.links.authors,
            relations.POSTS: self.links.query(self.links.posts, {"author": state.name}),
        }
        if state.editable:
            links[relations.EDIT] = own
        return Document(
            links,
            {name: getattr(state, attribute) for name, attribute in FIELDS.items()},
            title=state.display_name or state.name,
            updated=state.updated_date,
            validators=Validators(
                state.name, state.version, state.updated_date, state.previous_date
            ),
        )


class AuthorList(_AuthorResource):
    """All authors."""

    parameters = cursors.PARAMETERS

    def get(self) -> Document:
        """A page of profiles, by name."""
        listing = Paging(self.services.cursors, self.links.authors, self.query)
        page = authors.page(self.access, listing.limit, listing.position)
        links = {**listing.links(page), relations.HOME: self.links.root}
        items = [self.document(item) for item in page.items]
        return Document.list_of(relations.AUTHORS, items, links)


class Author(_AuthorResource):
    """One profile."""

    def get(self, name: str) -> Document:
        """The profile of an author."""
        return self.document(authors.find(self.access, name))

    def put(self, name: str) -> Document:
        """Replace the fields of the profile that its owner writes."""
        return self._edit(name, partial(_replaced, read_json()))

    def patch(self, name: str) -> Document:
        """Change some fields of the profile."""
        return self._edit(name, partial(self._patched, read_patch(SERVER_FIELDS)))

    def _edit(self, name: str, revise: authors.Revise) -> Document:
        precondition = self.precondition(name)
        edited = authors.edit(self.access, name, precondition, revise)
        return self.document(edited)

    def _patched(self, patch: Patch, current: content.Author) -> Profile:
        seen = {**as_json(current, FIELDS), **self.links_of(self.document(current))}
        changed, faults = patch(seen)
        return validate(Profile, changed, SERVER_FIELDS, faults, current=current)


def _replaced(body: object, current: content.Author) -> Profile:
    return validate(Profile, body, SERVER_FIELDS, current=current)

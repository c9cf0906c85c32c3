"""Entity-tags and preconditions (RFC 9110 sections 8.8 and 13)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from werkzeug.exceptions import PreconditionFailed, PreconditionRequired
from werkzeug.http import parse_date, quote_etag

from blog.content.posts import GREATEST_VERSION
from blog.http.application import Response
from blog.http.entity_tags import EntityTags, parse_entity_tags
from blog.http.request import current_request
from blog.representations.document import Document, Validators
from blog.storage.preconditions import Precondition, Version

# The number of a version, of which resource it is, since when it is there, which tags from before
# schema 0006 don't say, and the digest of a representation, which a tag of the version has not.
_VERSION_TAG = re.compile(
    r"(\d{1,15})\.([\w-]{8})(?:\.([0-9a-f]{1,15}))?(-[\w-]{12}(?:\.[a-z]+)?)?", re.ASCII
)
# Moments are counted from here in tags.
_FIRST = datetime.min.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The headers with preconditions, as they stand in an environ.
_CONDITIONS = frozenset(
    {
        *("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"),
        *("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"),
    }
)
# A later date says no more, and could not be reckoned with.
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)

_WEAK_NEVER_MATCHES = (
    'weak entity-tags (W/"…") never match in If-Match (RFC 9110 section 13.1.1): '
    "send the strong one of what you have seen"
)


class Stale(PreconditionFailed):
    """Raised when the representation is not the one that the precondition names.

    ``changed`` names the fields in which they differ, where that is known.
    """

    def __init__(self, detail: str, etag: str, changed: Sequence[str] | None = None) -> None:
        weak = "If-Match" in current_request().headers and _tags_in("If-Match").weak
        super().__init__(_WEAK_NEVER_MATCHES if weak else detail)
        self.etag = etag
        self.members: dict[str, object] = {"etag": quote_etag(etag)}
        if changed is not None:
            self.members["changed"] = list(changed)

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the present entity-tag."""
        return [*super().get_headers(*args, **kwargs), ("ETag", quote_etag(self.etag))]


def entity_tag(document: Document, body: bytes, coding: str | None = None) -> str:
    """The strong entity-tag of a representation, in a content coding or as it is.

    The digest makes it different for every media type, selection of fields and set of links; what
    stands before it lets a write recognise the tag of any of them.
    """
    digest = _digest(body, 9) + (f".{coding}" if coding else "")
    if state := document.validators:
        return f"{version_tag(state)}-{digest}"
    return digest


def version_tag(state: Validators) -> str:
    """An entity-tag of a version, whatever represents it: for If-Match, and for nothing else.

    A number alone would not do: once an older backup is restored, it is given to another version.
    """
    moment = (state.modified - _FIRST) // _MICROSECOND
    return f"{state.version}.{_mark(state.identity)}.{moment:x}"


@lru_cache(maxsize=1024)
def _mark(identity: str) -> str:
    """What shows in a tag of which resource it is."""
    return _digest(identity.encode(), 6)


def _digest(data: bytes, size: int) -> str:
    return urlsafe_b64encode(blake2b(data, digest_size=size).digest()).decode()


def read_precondition(identity: str, required: bool) -> Precondition:
    """The precondition of a write on the resource with this identity.

    Raises PreconditionRequired (RFC 6585 section 3) when there must be one and is none.
    """
    request = current_request()
    headers = request.headers
    has_match = "If-Match" in headers
    since = None if has_match else _read_date("If-Unmodified-Since")
    if required and not has_match and since is None:
        raise PreconditionRequired(
            "send If-Match with the ETag that you have seen, or If-Unmodified-Since"
        )
    match, no_match = _tags_in("If-Match"), _tags_in("If-None-Match")
    return Precondition(
        versions=(
            _versions(match.strong, identity, bare=True) if has_match and not match.star else None
        ),
        not_versions=_versions(no_match.strong | no_match.weak, identity),
        never=no_match.star,
        unmodified_since=since and min(since, _LATEST),
    )


def _tags_in(header: str) -> EntityTags:
    """The entity-tags in a header; none where there is none."""
    return parse_entity_tags(current_request().headers.get(header, ""))


def _versions(tags: Iterable[str], identity: str, *, bare: bool = False) -> frozenset[Version]:
    """The versions of a resource that entity-tags name.

    Those without a digest count only where ``bare`` is true, as for If-Match.
    """
    mark = _mark(identity)
    matches = map(_VERSION_TAG.fullmatch, tags)
    named = (
        (int(match[1]), match[3])
        for match in matches
        if match and match[2] == mark and (match[4] or (bare and match[3]))
    )
    return frozenset(
        Version(number, _moment(written)) for number, written in named if number <= GREATEST_VERSION
    )


def _moment(written: str | None) -> datetime | None:
    """The moment that `version_tag` has written; one that it can't have written is the latest."""
    if written is None:
        return None
    return _FIRST + min(int(written, 16) * _MICROSECOND, _LATEST - _FIRST)


def check_list_precondition() -> None:
    """Refuse to add to a list under a precondition that can't be known to hold.

    A list has no version, so of If-Match only ``*`` holds of it, and If-None-Match ``*`` never.
    """
    request = current_request()
    if "If-Match" in request.headers and not _tags_in("If-Match").star:
        raise PreconditionFailed("a list has no version to write against: send If-Match: * or none")
    if _tags_in("If-None-Match").star:
        raise PreconditionFailed("the list exists, and If-None-Match: * wants it not to")


def answer_conditionally(response: Response, etag: str, state: Validators | None) -> Response:
    """Evaluate the preconditions of a read in the order of RFC 9110 section 13.2.2.

    Gives the response, or one with status 304 in its place. Raises Stale.
    """
    request = current_request()
    if request.environ.keys().isdisjoint(_CONDITIONS):
        return response
    if "If-Match" in request.headers:
        if not _matches(_tags_in("If-Match"), etag, state):
            raise Stale("the representation has changed since", etag)
    elif state and (since := _read_date("If-Unmodified-Since")) and not _is_since(state, since):
        raise Stale("the representation has changed since", etag)
    if "If-None-Match" in request.headers:
        unchanged = _tags_in("If-None-Match").contain(etag)
    else:
        since = _read_date("If-Modified-Since")
        unchanged = bool(state and since and _is_since(state, since))
    return _not_modified(response) if unchanged else response


def _matches(given: EntityTags, etag: str, state: Validators | None) -> bool:
    """Whether If-Match holds of a representation (RFC 9110 section 13.1.1)."""
    if given.contain_strongly(etag):
        return True
    return state is not None and given.contain_strongly(version_tag(state))


def _read_date(header: str) -> datetime | None:
    """The date in a header; one that can't be read counts for nothing (section 13.1.3)."""
    try:
        return parse_date(current_request().headers.get(header))
    except OverflowError:
        return None


def _is_since(state: Validators, since: datetime) -> bool:
    """Whether who saw the resource at that date, in whole seconds, has seen its present state.

    Of two states within one second the date can't tell which was seen (section 8.8.2.2).
    """
    second = state.modified.replace(microsecond=0)
    exact = state.previous is None or state.previous < second
    return second < since or (second == since and exact)


def _not_modified(response: Response) -> Response:
    """The answer that what the client has is current (RFC 9110 section 15.4.5)."""
    unchanged = Response(status=304)
    unchanged.headers.remove("Content-Type")
    unchanged.headers["ETag"] = response.headers["ETag"]
    return unchanged

"""Entity-tags and preconditions (RFC 9110 sections 8.8 and 13)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from werkzeug.datastructures import ETags
from werkzeug.exceptions import PreconditionFailed, PreconditionRequired
from werkzeug.http import parse_date, quote_etag

from blog.content.posts import GREATEST_VERSION
from blog.http.application import Response
from blog.http.request import current_request
from blog.representations.document import Document, Validators
from blog.storage.versioned import Precondition

_VERSION_TAG = re.compile(r"(\d{1,15})\.([\w-]{8})-[\w-]{12}(?:\.[a-z]+)?", re.ASCII)
# The headers with preconditions, as they stand in an environ.
_CONDITIONS = frozenset(
    {
        *("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"),
        *("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"),
    }
)
# A later date says no more, and could not be reckoned with.
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


class Stale(PreconditionFailed):
    """Raised when the representation is not the one that the precondition names.

    ``changed`` names the fields in which they differ, where that is known.
    """

    def __init__(self, detail: str, etag: str, changed: Sequence[str] | None = None) -> None:
        super().__init__(detail)
        self.etag = etag
        self.members: dict[str, object] = {"etag": quote_etag(etag)}
        if changed is not None:
            self.members["changed"] = list(changed)

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the present entity-tag."""
        return [*super().get_headers(*args, **kwargs), ("ETag", quote_etag(self.etag))]


def entity_tag(document: Document, body: bytes, coding: str | None = None) -> str:
    """The strong entity-tag of a representation, in a content coding or as it is.

    The digest makes it different for every media type, selection of fields and set of links; the
    version before it lets a write recognise the tag of any of them.
    """
    digest = _digest(body, 9) + (f".{coding}" if coding else "")
    if state := document.validators:
        return f"{state.version}.{_mark(state.identity)}-{digest}"
    return digest


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
    no_match = request.if_none_match
    return Precondition(
        versions=_versions(request.if_match, identity) if has_match else None,
        not_versions=_versions(no_match, identity, weak=True) or frozenset(),
        never=no_match.star_tag,
        unmodified_since=since and min(since, _LATEST),
    )


def _versions(tags: ETags, identity: str, weak: bool = False) -> frozenset[int] | None:
    """The versions of which these are entity-tags; None for ``*``, which is every version.

    If-None-Match compares weak ones too, and If-Match does not (RFC 9110 section 13.1).
    """
    if tags.star_tag:
        return None
    mark = _mark(identity)
    # Werkzeug reads an empty tag as None.
    known = filter(None, tags.as_set(include_weak=weak))
    matches = map(_VERSION_TAG.fullmatch, known)
    versions = (int(match[1]) for match in matches if match and match[2] == mark)
    return frozenset(version for version in versions if version <= GREATEST_VERSION)


def check_list_precondition() -> None:
    """Refuse to add to a list under a precondition that can't be known to hold.

    A list has no version, so of If-Match only ``*`` holds of it, and If-None-Match ``*`` never.
    """
    request = current_request()
    if "If-Match" in request.headers and not request.if_match.star_tag:
        raise PreconditionFailed("a list has no version to write against: send If-Match: * or none")
    if request.if_none_match.star_tag:
        raise PreconditionFailed("the list exists, and If-None-Match: * wants it not to")


def answer_conditionally(response: Response, etag: str, state: Validators | None) -> Response:
    """Evaluate the preconditions of a read in the order of RFC 9110 section 13.2.2.

    Gives the response, or one with status 304 in its place. Raises Stale.
    """
    request = current_request()
    if request.environ.keys().isdisjoint(_CONDITIONS):
        return response
    if "If-Match" in request.headers:
        if not (request.if_match.star_tag or request.if_match.is_strong(etag)):
            raise Stale("the representation has changed since", etag)
    elif state and (since := _read_date("If-Unmodified-Since")) and not _is_since(state, since):
        raise Stale("the representation has changed since", etag)
    if "If-None-Match" in request.headers:
        unchanged = request.if_none_match.star_tag or request.if_none_match.contains_weak(etag)
    else:
        since = _read_date("If-Modified-Since")
        unchanged = bool(state and since and _is_since(state, since))
    return _not_modified(response) if unchanged else response


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

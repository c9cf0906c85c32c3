"""Entity-tags and preconditions (RFC 9110 sections 8.8 and 13)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from werkzeug.exceptions import PreconditionFailed, PreconditionRequired
from werkzeug.http import parse_date, quote_etag

from blog.content.posts import GREATEST_VERSION
from blog.http.request import current_request
from blog.representations.document import Document, Validators
from blog.storage.preconditions import Precondition, Version

# The parts of a tag: the version's number, a digest of the resource's identity, the version's time,
# which tags from before schema 0006 lack, and a digest of the representation, which `version_tag`
# lacks.
_VERSION_TAG = re.compile(
    r"(\d{1,15})\.([\w-]{8})(?:\.([0-9a-f]{1,15}))?(-[\w-]{12}(?:\.[a-z]+)?)?", re.ASCII
)
# The time in a tag is the number of microseconds from here.
_EPOCH = datetime.min.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The environ keys of the header fields with preconditions.
_CONDITIONS = frozenset(
    {
        *("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"),
        *("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"),
    }
)
# A later date means the same, and arithmetic with it would overflow.
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
# What a proxy that compresses a body adds to its tag, before or after the closing quote.
_SUFFIXES = tuple(
    f"{mark}{coding}" for mark in ("-", "--", ";") for coding in ("gzip", "br", "zstd")
)
# A list member: commas within a quoted string belong to it, and a tag has no escapes.
_MEMBER = re.compile(r'(?:"[^"]*"?|[^",])+')
_TAG = re.compile(rf'([Ww]/)?("?)([^"]*)\2(?:{"|".join(_SUFFIXES)})?')

_WEAK_NEVER_MATCHES = (
    'weak entity-tags (W/"…") never match in If-Match (RFC 9110 section 13.1.1): '
    "send the strong one of what you have seen"
)


class EntityTags(NamedTuple):
    """The tags of a header, strong and weak, without their quotes; or ``*``, for every tag."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    star: bool = False

    def contain(self, etag: str) -> bool:
        """Whether a tag is one of them by weak comparison (RFC 9110 section 8.8.3.2)."""
        return self.star or etag in self.strong or etag in self.weak

    def contain_strongly(self, etag: str) -> bool:
        """Whether a tag is one of them by strong comparison, which no weak tag passes."""
        return self.star or etag in self.strong


class PreconditionNotMet(PreconditionFailed):
    """Raised when the current representation is not the one that the precondition names.

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
        """Add the current entity-tag."""
        return [*super().get_headers(*args, **kwargs), ("ETag", quote_etag(self.etag))]


def parse_entity_tags(header: str) -> EntityTags:
    """Parse a list of entity-tags (RFC 9110 section 8.8.3).

    A tag that ends as if a proxy had added a content coding is read with and without that. Quotes
    may be missing. A member that is no tag, and ``*`` within a list, name nothing.
    """
    if header.strip() == "*":
        return EntityTags(star=True)
    strong: set[str] = set()
    weak: set[str] = set()
    for member in _MEMBER.findall(header):
        if match := _TAG.fullmatch(member.strip()):
            tags = weak if match[1] else strong
            tags.add(match[3])
            if match[3].endswith(_SUFFIXES):
                tags.update(match[3].removesuffix(suffix) for suffix in _SUFFIXES)
    return EntityTags(frozenset(strong), frozenset(weak))


def entity_tag(document: Document, body: bytes, coding: str | None = None) -> str:
    """The strong entity-tag of a representation, in a content coding or without one.

    The digest differs between media types, selections of fields and sets of links; the tag of the
    version before it lets a write recognize all of them.
    """
    digest = _digest(body, 9) + (f".{coding}" if coding else "")
    if document.validators:
        return f"{version_tag(document.validators)}-{digest}"
    return digest


def version_tag(validators: Validators) -> str:
    """The entity-tag of a version in any representation, which is valid in If-Match only.

    It has a time, because after an older backup is restored a number is given to another version.
    """
    microseconds = (validators.modified - _EPOCH) // _MICROSECOND
    return f"{validators.version}.{_identity_digest(validators.identity)}.{microseconds:x}"


@lru_cache(maxsize=1024)
def _identity_digest(identity: str) -> str:
    return _digest(identity.encode(), 6)


def _digest(data: bytes, size: int) -> str:
    return urlsafe_b64encode(blake2b(data, digest_size=size).digest()).decode()


def read_precondition(identity: str, required: bool) -> Precondition:
    """The precondition of a write on the resource with this identity.

    Raises PreconditionRequired (RFC 6585 section 3) where it is required and missing.
    """
    has_match = "If-Match" in current_request().headers
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
    """The entity-tags in a header field; none where it is missing."""
    return parse_entity_tags(current_request().headers.get(header, ""))


def _versions(tags: Iterable[str], identity: str, *, bare: bool = False) -> frozenset[Version]:
    """The versions of a resource that entity-tags name.

    Tags without a digest of the representation count only where ``bare`` is true, as in If-Match.
    """
    own = _identity_digest(identity)
    matches = map(_VERSION_TAG.fullmatch, tags)
    named = (
        (int(match[1]), match[3])
        for match in matches
        if match and match[2] == own and (match[4] or (bare and match[3]))
    )
    return frozenset(
        Version(number, _parse_time(time)) for number, time in named if number <= GREATEST_VERSION
    )


def _parse_time(text: str | None) -> datetime | None:
    """The time in a version's tag; a time that is out of range becomes the latest."""
    if text is None:
        return None
    return _EPOCH + min(int(text, 16) * _MICROSECOND, _LATEST - _EPOCH)


def check_list_precondition() -> None:
    """Refuse to add to a list under a precondition that can't be evaluated.

    A list has no version, so only ``*`` holds in If-Match, and ``*`` never in If-None-Match.
    """
    request = current_request()
    if "If-Match" in request.headers and not _tags_in("If-Match").star:
        raise PreconditionFailed("a list has no version to write against: send If-Match: * or none")
    if _tags_in("If-None-Match").star:
        raise PreconditionFailed("If-None-Match: * never holds for a list, which always exists")


def is_not_modified(etag: str, document: Document) -> bool:
    """Evaluate the preconditions of a read in the order of RFC 9110 section 13.2.2.

    Returns whether the client's copy is current (304). Raises PreconditionNotMet. Dates are ignored
    where the document has none.
    """
    request = current_request()
    if request.environ.keys().isdisjoint(_CONDITIONS):
        return False
    dated = document.validators if document.is_dated else None
    if not _is_expected(etag, document.validators, dated):
        raise PreconditionNotMet("the representation has changed since", etag)
    if "If-None-Match" in request.headers:
        return _tags_in("If-None-Match").contain(etag)
    since = _read_date("If-Modified-Since")
    return bool(dated and since and _is_unmodified(dated, since))


def _is_expected(etag: str, validators: Validators | None, dated: Validators | None) -> bool:
    """Whether If-Match, or else If-Unmodified-Since, holds (RFC 9110 sections 13.1.1, 13.1.4)."""
    if "If-Match" in current_request().headers:
        tags = _tags_in("If-Match")
        version = validators and version_tag(validators)
        return tags.contain_strongly(etag) or bool(version and tags.contain_strongly(version))
    since = dated and _read_date("If-Unmodified-Since")
    return not (dated and since) or _is_unmodified(dated, since)


def _read_date(header: str) -> datetime | None:
    """The date in a header field; an invalid one is ignored (RFC 9110 section 13.1.3)."""
    try:
        return parse_date(current_request().headers.get(header))
    except OverflowError:
        return None


def _is_unmodified(validators: Validators, since: datetime) -> bool:
    """Whether a client that saw the resource at that second has seen its current state.

    Between two states within one second the date can't distinguish (RFC 9110 section 8.8.2.2).
    """
    second = validators.modified.replace(microsecond=0)
    is_exact = validators.previous is None or validators.previous < second
    return second < since or (second == since and is_exact)

"""Content negotiation (RFC 9110 section 12.5): the media types of the response and of the body.

Both are checked before a request has any effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from werkzeug.exceptions import NotAcceptable, UnsupportedMediaType

from blog.http.request import current_request

JSON_BODIES = ("application/json", "application/hal+json")
PATCH_BODIES = (
    "application/merge-patch+json",
    "application/json-patch+json",
    *JSON_BODIES,
)
_BODIES = {"POST": JSON_BODIES, "PUT": JSON_BODIES, "PATCH": PATCH_BODIES}
_ACCEPT_HEADERS = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}
_QUOTED = r'"(?:[^"\\]|\\.)*"?'
# The members of a list, and their parts: separators within a quoted string belong to it.
_MEMBER = re.compile(rf'(?:{_QUOTED}|[^",])+')
_PART = re.compile(rf'(?:{_QUOTED}|[^";])+')
_WEIGHT = re.compile(r"0?\.\d{1,3}|0\.?|1(?:\.0{0,3})?", re.ASCII)


class Preference(NamedTuple):
    """The quality of a list member, from 0 to 1, and its position in the list."""

    quality: float
    position: int


class Rank(NamedTuple):
    """How well a media type suits a client, the most important criterion first."""

    quality: float
    specificity: int
    earliness: int


class NothingAcceptable(NotAcceptable):
    """Raised when none of the available media types is acceptable to the client."""

    def __init__(self, available: Sequence[str]) -> None:
        super().__init__("none of the media types in Accept is available here")
        self.members = {"available": list(available)}


class UnsupportedBody(UnsupportedMediaType):
    """Raised for a body in a media type that the method does not accept."""

    def __init__(self, given: str, accepted: Mapping[str, str]) -> None:
        kinds = " or ".join(_BODIES[current_request().method])
        super().__init__(f"the body must be {kinds}, not {given:.80}")
        self.accepted = accepted

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the accepted types (RFC 9110 section 15.5.16, RFC 5789 section 2.2)."""
        return [*super().get_headers(*args, **kwargs), *self.accepted.items()]


def negotiate(offers: tuple[str, ...]) -> str:
    """Choose the media type of the response (RFC 9110 section 12.5.1).

    Parameters in Accept are ignored; quality and specificity count. Raises NothingAcceptable.
    """
    chosen = choose(current_request().environ.get("HTTP_ACCEPT", "").strip(), offers)
    if chosen is None:
        raise NothingAcceptable(offers)
    return chosen


@lru_cache(maxsize=256)
def choose(accept: str, offers: tuple[str, ...]) -> str | None:
    """The media type that suits an Accept header best; None where none is acceptable.

    Without the header, or with an empty one, it is the first. Among equal qualities, types that the
    header names come before those that match a range, in the order of the header.
    """
    ranges = parse_preferences(accept)
    if not ranges:
        return offers[0]
    # Among equals `max` takes the first, which the server prefers.
    best = max(offers, key=lambda offer: _rank(offer, ranges))
    return best if _rank(best, ranges).quality > 0 else None


def _rank(offer: str, ranges: Mapping[str, Preference]) -> Rank:
    """The rank of a media type by the most specific range that it matches."""
    if named := ranges.get(offer):
        return Rank(named.quality, 2, -named.position)
    if of_type := ranges.get(f"{offer.partition('/')[0]}/*"):
        return Rank(of_type.quality, 1, 0)
    # Java's URLConnection writes a single asterisk for `*/*`.
    anything = [ranges[name].quality for name in ("*/*", "*") if name in ranges]
    return Rank(max(anything, default=0.0), 0, 0)


def check_body_type(resource: type) -> None:
    """Raise UnsupportedBody unless the method accepts the media type of the body."""
    request = current_request()
    accepted = _BODIES.get(request.method)
    if accepted is None:
        return
    if request.mimetype not in accepted:
        given = request.mimetype or "a body without Content-Type"
        raise UnsupportedBody(given, accepted_by(resource))
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise UnsupportedBody(f"{request.mimetype} in {coding}", {"Accept-Encoding": "identity"})


def accepted_by(resource: type) -> dict[str, str]:
    """The headers that list the accepted types of a body (RFC 5789 section 3.1, LDP 7.1)."""
    return {
        header: ", ".join(_BODIES[method])
        for method, header in _ACCEPT_HEADERS.items()
        if hasattr(resource, method.lower())
    }


def parse_preferences(header: str) -> Mapping[str, Preference]:
    """Parse Accept or Accept-Encoding: names in lower case, without parameters, and their weights.

    A weight may begin with its point, as Java writes it, or be quoted; Werkzeug's parser would drop
    such a member. An invalid weight is ignored, so that its member has the weight 1. Among members
    with one name the highest weight counts.
    """
    preferences: dict[str, Preference] = {}
    members = filter(None, (member.strip() for member in _MEMBER.findall(header)))
    for position, member in enumerate(members):
        name, *parameters = (part.strip() for part in _PART.findall(member) or [""])
        given = Preference(_quality(parameters), position)
        known = preferences.get(name.lower())
        if known is None or known.quality < given.quality:
            preferences[name.lower()] = given
    return preferences


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            weight = value.strip().strip('"')
            return float(weight) if _WEIGHT.fullmatch(weight) else 1.0
    return 1.0

"""Which media type a representation is written in, and which ones a body may come in.

Both are decided before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from werkzeug.exceptions import NotAcceptable, UnsupportedMediaType

from blog.http.preference_lists import Preference, parse_preferences
from blog.http.request import current_request

JSON_BODIES = ("application/json", "application/hal+json")
PATCH_BODIES = (
    "application/merge-patch+json",
    "application/json-patch+json",
    *JSON_BODIES,
)
_BODIES = {"POST": JSON_BODIES, "PUT": JSON_BODIES, "PATCH": PATCH_BODIES}
_ACCEPT_HEADERS = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}


class Rank(NamedTuple):
    """How good a media type is to a client, the most important first."""

    quality: float
    specificity: int
    earliness: int


class NothingAcceptable(NotAcceptable):
    """Raised when none of the media types that there are fits the Accept header."""

    def __init__(self, available: Sequence[str]) -> None:
        super().__init__("nothing that the Accept header asks for is available here")
        self.members = {"available": list(available)}


class UnsupportedBody(UnsupportedMediaType):
    """Raised for a body in a type that the method does not take."""

    def __init__(self, given: str, accepted: Mapping[str, str]) -> None:
        kinds = " or ".join(_BODIES[current_request().method])
        super().__init__(f"the body must be {kinds}, not {given:.80}")
        self.accepted = accepted

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add what the resource takes (RFC 9110 section 15.5.16, RFC 5789 section 2.2)."""
        return [*super().get_headers(*args, **kwargs), *self.accepted.items()]


def negotiate(offers: tuple[str, ...]) -> str:
    """Choose the media type of the answer (RFC 9110 section 12.5.1).

    Parameters in Accept are ignored; quality and specificity count. Raises NothingAcceptable.
    """
    chosen = choose(current_request().environ.get("HTTP_ACCEPT", "").strip(), offers)
    if chosen is None:
        raise NothingAcceptable(offers)
    return chosen


@lru_cache(maxsize=256)
def choose(accept: str, offers: tuple[str, ...]) -> str | None:
    """The media type that fits an Accept header best, None where none does.

    Without the header, or with an empty one, it is the first. Of types with the same quality, one
    that the header names comes before one that only a range covers; of several that it names, the
    one that it names first is chosen.
    """
    ranges = parse_preferences(accept)
    if not ranges:
        return offers[0]
    # Of those that are equally good, `max` takes the first one of the server.
    best = max(offers, key=lambda offer: _rank(offer, ranges))
    return best if _rank(best, ranges).quality > 0 else None


def _rank(offer: str, ranges: Mapping[str, Preference]) -> Rank:
    """How good a media type is by the most specific range that covers it."""
    if named := ranges.get(offer):
        return Rank(named.quality, 2, -named.place)
    if of_kind := ranges.get(f"{offer.partition('/')[0]}/*"):
        return Rank(of_kind.quality, 1, 0)
    # Java's URLConnection writes a single asterisk for `*/*`.
    anything = [ranges[name].quality for name in ("*/*", "*") if name in ranges]
    return Rank(max(anything, default=0.0), 0, 0)


def check_body_type(resource: type) -> None:
    """Raise UnsupportedBody unless the body's type is one that this method takes."""
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
    """The headers that tell which bodies a resource takes (RFC 5789 section 3.1, LDP 7.1)."""
    return {
        header: ", ".join(_BODIES[method])
        for method, header in _ACCEPT_HEADERS.items()
        if hasattr(resource, method.lower())
    }

"""Lists of what a client prefers, as Accept and Accept-Encoding have them (RFC 9110 section 12.4).

Werkzeug's parser drops a member whose weight it can't read, and `q=.2` is one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_QUOTED = r'"(?:[^"\\]|\\.)*"?'
# What stands between two commas or two semicolons that are in no quoted string.
_MEMBER = re.compile(rf'(?:{_QUOTED}|[^",])+')
_PART = re.compile(rf'(?:{_QUOTED}|[^";])+')
_WEIGHT = re.compile(r"0?\.\d{1,3}|0\.?|1(?:\.0{0,3})?", re.ASCII)


class Preference(NamedTuple):
    """How much something is liked, from 0 to 1, and at which place in the list it stands."""

    quality: float
    place: int


def parse_preferences(header: str) -> Mapping[str, Preference]:
    """What a header names, in lower case and without parameters, and how it is preferred.

    A weight may begin with its point, as Java writes it, and be quoted. One that can't be read
    is ignored, so its member has the weight 1. Of several members with one name, the one with
    the highest weight counts.
    """
    preferences: dict[str, Preference] = {}
    members = filter(None, (member.strip() for member in _MEMBER.findall(header)))
    for place, member in enumerate(members):
        name, *parameters = (part.strip() for part in _PART.findall(member) or [""])
        given = Preference(_quality(parameters), place)
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

"""The Prefer header (RFC 7240): wishes that a client can do without."""

from __future__ import annotations

from flask import request
from werkzeug.http import parse_list_header


def preferences() -> dict[str, str]:
    """The preferences of the request in lower case; of those with one name, the first."""
    found: dict[str, str] = {}
    for preference in parse_list_header(request.headers.get("Prefer", "")):
        name, _, value = preference.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    return found


def prefers(name: str, value: str) -> bool:
    """Whether the client prefers this; such as ``return``, ``minimal``."""
    return "Prefer" in request.headers and preferences().get(name) == value

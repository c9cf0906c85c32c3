"""The Prefer header (RFC 7240): preferences that a server may ignore."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.http import parse_list_header

from blog.http.request import current_request
from blog.http.request_target import READ_METHODS, WRITE_METHODS

# The environ key of the header.
_PREFER = "HTTP_PREFER"
_HONOURED = {
    ("return", "minimal"): WRITE_METHODS - {"DELETE"},
    ("handling", "lenient"): READ_METHODS | WRITE_METHODS,
}


def preferences() -> dict[str, str]:
    """The preferences of the request in lower case; where one is repeated, the first counts."""
    found: dict[str, str] = {}
    for preference in parse_list_header(current_request().headers.get("Prefer", "")):
        name, _, value = preference.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    return found


def prefers(name: str, value: str) -> bool:
    """Whether the client has a preference, such as ``return`` with the value ``minimal``."""
    return _PREFER in current_request().environ and preferences().get(name) == value


def install(app: Flask) -> None:
    """Send Preference-Applied in responses (RFC 7240 section 3)."""
    app.after_request(_set_header)


def _set_header(response: Response) -> Response:
    request = current_request()
    if _PREFER in request.environ and response.status_code < 400:
        applied = [
            f"{name}={value}"
            for (name, value), methods in _HONOURED.items()
            if request.method in methods and prefers(name, value)
        ]
        applied += request.preferences_applied
        if applied:
            response.headers["Preference-Applied"] = ", ".join(applied)
    return response

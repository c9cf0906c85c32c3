"""The Flask application, with routing and responses changed where the API requires it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from flask import Flask
from flask import Request as FlaskRequest
from flask import Response as FlaskResponse
from werkzeug import exceptions as http
from werkzeug.routing import BaseConverter, MapAdapter

from blog.http.negotiation import accepted_by
from blog.http.request import Request, current_request
from blog.http.request_target import METHODS, has_one_spelling, prefer_target, respell

# The statuses whose responses Werkzeug would not change.
_WHOLE = frozenset({200, 201})


class Response(FlaskResponse):
    """A response with a complete body and final headers.

    ``constants`` are header fields that are sent after the others: their values are constants of
    this program, so they are not validated. Without these two shortcuts, an uncached post takes
    13 % longer.
    """

    constants: tuple[tuple[str, str], ...] = ()

    def get_wsgi_response(
        self, environ: dict[str, Any]
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """The body, the status and all headers.

        A 200 or 201 has everything that Werkzeug would add. It would also copy the headers,
        correct URLs and wrap a streamed body, which no response needs.
        """
        if self.status_code in _WHOLE and environ["REQUEST_METHOD"] != "HEAD":
            parts: Any = self.response  # Its type allows for text too.
            return parts, self.status, [*self.headers, *self.constants]
        body, status, headers = super().get_wsgi_response(environ)
        return body, status, [*headers, *self.constants]


# The ids of posts.
POST_ID = "[0-9a-f]{32}"


class PostIdConverter(BaseConverter):
    """The id of a post in a URL; any other text is not found."""

    regex = POST_ID


class NumberConverter(BaseConverter):
    """The number of a version, without leading zeros."""

    regex = "[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> int:
        """The number."""
        return int(value)


class TextConverter(BaseConverter):
    """Any segment without NUL, which no stored text has."""

    regex = r"[^\0]+"


class Application(Flask):
    """The WSGI application."""

    request_class = Request
    response_class = Response

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url_map.converters |= {
            "post_id": PostIdConverter,
            "number": NumberConverter,
            "default": TextConverter,
        }
        # Each resource has one URL; another spelling is not found, rather than redirected.
        self.url_map.merge_slashes = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Respond to a request (PEP 3333)."""
        prefer_target(environ)
        response: Iterable[bytes] = super().__call__(environ, start_response)
        return response

    def create_url_adapter(self, request: FlaskRequest | None) -> MapAdapter | None:
        """The adapter that finds the route of a request, by its path and method only.

        No route depends on the host, and none redirects; `middleware.hosts` checks the host, in
        place of Flask's SERVER_NAME and TRUSTED_HOSTS. Raises NotImplemented for an unknown method,
        and NotFound for an invalid spelling of a path: Werkzeug would normalize both, such as
        `get //post` to `GET /post`.
        """
        if request is None:
            return super().create_url_adapter(None)
        if request.method not in METHODS:
            raise http.NotImplemented("the method is not known here; methods are case-sensitive")
        adapter = self.url_map.bind("", path_info=request.path, default_method=request.method)
        if not has_one_spelling(request.environ):
            raise _misspelled(request, adapter)
        return adapter

    def make_default_options_response(self) -> Response:
        """The response to OPTIONS: allowed methods and accepted bodies (RFC 9110 section 9.3.7)."""
        response = Response(status=204)
        response.headers.remove("Content-Type")
        request = current_request()
        # It is None only without a request.
        adapter: Any = self.create_url_adapter(request)
        response.headers["Allow"] = ", ".join(sorted(adapter.allowed_methods()))
        response.headers.update(accepted_by(request.resource))
        return response


def _misspelled(request: FlaskRequest, adapter: MapAdapter) -> http.NotFound:
    """The error for an invalid spelling of a path; it names the valid one of a resource."""
    meant = respell(request.environ)
    if meant is None or not adapter.allowed_methods(meant):
        return http.NotFound()
    address = quote(request.root_path + meant)
    return http.NotFound(f"there is nothing at this address; did you mean {address}?")

"""Flask, where its own habits would break the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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

# The statuses whose answers are sent as they are.
_WHOLE = frozenset({200, 201})


class Response(FlaskResponse):
    """A response whose headers are as they are to be sent, and whose body is whole.

    ``constants`` are sent after the others: fields that are written in this program, and so need
    no look at what is in them, which in all took a twentieth of a read.
    """

    constants: tuple[tuple[str, str], ...] = ()

    def get_wsgi_response(
        self, environ: dict[str, Any]
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """What is sent: the body, the status and all headers.

        A 200 or 201 has all that Werkzeug would add. To copy the headers, to look for URLs to mend
        and to see to the end of a body that comes in parts, of which we have none, takes a tenth of
        a read.
        """
        if self.status_code in _WHOLE and environ["REQUEST_METHOD"] != "HEAD":
            parts: Any = self.response  # Its type leaves open that they are no bytes yet.
            return parts, self.status, [*self.headers, *self.constants]
        body, status, headers = super().get_wsgi_response(environ)
        return body, status, [*headers, *self.constants]


# What the id of a post looks like.
POST_ID = "[0-9a-f]{32}"


class PostIdConverter(BaseConverter):
    """The id of a post in a URL: anything else is no address at all."""

    regex = POST_ID


class NumberConverter(BaseConverter):
    """The number of a version, each written one way."""

    regex = "[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> int:
        """The number."""
        return int(value)


class TextConverter(BaseConverter):
    """Any part of a URL that a stored text could equal: none holds NUL."""

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
        # Each thing has one URL; another spelling of it is not found, rather than redirected.
        self.url_map.merge_slashes = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        prefer_target(environ)
        answer: Iterable[bytes] = super().__call__(environ, start_response)
        return answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Call a function as it is: none of ours is async, and to ask that of each takes long."""
        return func

    def create_url_adapter(self, request: FlaskRequest | None) -> MapAdapter | None:
        """What finds the route of a request, by its path and method alone.

        No route is for one host, and none redirects, so that the Host header is not needed for it:
        `middleware.hosts` knows which are served, and not Flask's SERVER_NAME or TRUSTED_HOSTS.
        Raises NotImplemented for an unknown method, and NotFound for another spelling of a path:
        Werkzeug would change both until they fit, `get //post` into `GET /post`.
        """
        if request is None:
            return super().create_url_adapter(None)
        if request.method not in METHODS:
            raise http.NotImplemented("the method is not known here; methods are case-sensitive")
        adapter = self.url_map.bind("", path_info=request.path, default_method=request.method)
        if not has_one_spelling(request.environ):
            raise _not_found(request, adapter)
        return adapter

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with what the resource allows and takes (RFC 9110 section 9.3.7)."""
        response = Response(status=204)
        response.headers.remove("Content-Type")
        request = current_request()
        # There is one for a request.
        adapter: Any = self.create_url_adapter(request)
        response.headers["Allow"] = ", ".join(sorted(adapter.allowed_methods()))
        response.headers.update(accepted_by(request.resource))
        return response


def _not_found(request: FlaskRequest, adapter: MapAdapter) -> http.NotFound:
    """The error for another spelling of a path, which names the right one where there is one."""
    meant = respell(request.environ)
    if meant is None or not adapter.allowed_methods(meant):
        return http.NotFound()
    address = quote(request.root_path + meant)
    return http.NotFound(f"there is nothing at this address; did you mean {address}?")

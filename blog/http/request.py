"""The request: its body, its target, and what is known about it while it is handled."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import IO, Any, cast

from flask import Request as FlaskRequest
from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from blog.content.authors import Caller
from blog.database.session import Session
from blog.http.request_target import READ_METHODS, decode_path, read_host
from blog.http.wsgi import EXPECTS_CONTINUE

_CHUNK = 65536


class Request(FlaskRequest):
    """A request whose body is either complete or refused."""

    # The id in the log, and when the request was complete, by `time.perf_counter`.
    id: str
    received_at: float
    # The current time, which is the same throughout the request.
    now: datetime
    # The negotiated media type of the response.
    media_type: str
    # The base URL of links.
    base: str
    session: Session
    # None until the caller is verified, and for an anonymous one.
    caller: Caller | None = None
    # The end of long polling, by `time.monotonic`.
    wait_until: float | None = None
    preferences_applied: Sequence[str] = ()
    # The type of the exception that the response reports.
    error: type[Exception] | None = None

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(environ, *args, **kwargs)
        # Werkzeug would write the method in capitals, and the path with exactly one leading slash.
        self.method = environ["REQUEST_METHOD"]
        self.path = decode_path(environ)

    @cached_property
    def host(self) -> str:
        """The host of the request, or else the address of the server, without a default port."""
        host = read_host(self.environ.get("HTTP_HOST", ""))
        return host.without_default_port(self.scheme) if host else super().host

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body.

        Raises RequestEntityTooLarge for a chunked body over the limit, which Werkzeug would
        truncate; and ClientDisconnected for one that is shorter than its Content-Length.
        """
        limit = self.max_content_length
        terminated = self.environ.get("wsgi.input_terminated")
        if terminated and self.content_length is not None:
            # Werkzeug relies on the server to check the length, and some servers do not.
            return cast(IO[bytes], LimitedStream(super().stream, self.content_length))
        if limit is None or not terminated:
            return super().stream
        body, source = bytearray(), self.environ["wsgi.input"]
        while chunk := source.read(min(_CHUNK, limit + 1 - len(body))):
            body += chunk
            if len(body) > limit:
                raise RequestEntityTooLarge
        return io.BytesIO(body)

    @property
    def is_read(self) -> bool:
        """Whether its method only reads the resource."""
        return self.method in READ_METHODS

    @property
    def has_credentials(self) -> bool:
        """Whether it has credentials, right or wrong."""
        return "HTTP_AUTHORIZATION" in self.environ

    @property
    def expects_continue(self) -> bool:
        """Whether its client waits for `100 Continue`, and only has to be admitted now."""
        return EXPECTS_CONTINUE in self.environ

    @property
    def route(self) -> str | None:
        """The template of its URL, such as ``/post/<post_id>``.

        None without a resource, or where the resource does not allow the method.
        """
        rule = self.url_rule
        return None if rule is None else _template(rule.rule)

    @cached_property
    def resource(self) -> Any:
        """The class of its resource, or None."""
        rule = self.url_rule
        return rule and getattr(current_app.view_functions[rule.endpoint], "view_class", None)


def current_request() -> Request:
    """The request that this thread handles.

    Flask's `request` is a proxy that resolves it at each use: with it, an uncached post takes 16 %
    longer.
    """
    found: Request = request._get_current_object()  # type: ignore[attr-defined]  # of the proxy
    return found


@lru_cache
def _template(rule: str) -> str:
    """A URL rule without its converters."""
    return re.sub(r"<\w+:", "<", rule)

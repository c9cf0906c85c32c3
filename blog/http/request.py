"""The request: its body, what it is for, and what has been found out about it by now."""

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
    """A request whose body is either whole or refused."""

    # Its id in the log, and when, by `time.perf_counter`, it was here whole.
    id: str
    started: float
    # The time at which it is answered, the same for all that is asked of the clock.
    now: datetime
    # In which media type it is answered, by which connection, and who makes it, once verified.
    media_type: str
    # Below which its links are.
    base: str
    session: Session
    caller: Caller | None = None
    # Until when it may be kept waiting, and what its client is told of that.
    wait_until: float | None = None
    preferences_applied: Sequence[str] = ()
    # What kind of thing went wrong, if any did.
    error: type[Exception] | None = None

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(environ, *args, **kwargs)
        # Werkzeug would write the method in capitals, and the path with one slash at its beginning.
        self.method = environ["REQUEST_METHOD"]
        self.path = decode_path(environ)

    @cached_property
    def host(self) -> str:
        """The host that it is for, or else the address of the server, as links have it."""
        host = read_host(self.environ.get("HTTP_HOST", ""))
        return host.without_default_port(self.scheme) if host else super().host

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body. A chunked one over the limit raises 413; Werkzeug would cut it silently.

        One that ends before its Content-Length is reached raises ClientDisconnected (400).
        """
        limit = self.max_content_length
        terminated = self.environ.get("wsgi.input_terminated")
        if terminated and self.content_length is not None:
            # Werkzeug trusts a server to notice, and some only say that there is no more.
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
    def is_signed(self) -> bool:
        """Whether it comes with credentials, right or wrong."""
        return "HTTP_AUTHORIZATION" in self.environ

    @property
    def expects_continue(self) -> bool:
        """Whether its client waits for `100 Continue`, and only has to be admitted now."""
        return EXPECTS_CONTINUE in self.environ

    @property
    def route(self) -> str | None:
        """The template of its URL, such as ``/post/<post_id>``.

        None where there is nothing, or nothing with that method.
        """
        rule = self.url_rule
        return None if rule is None else _template(rule.rule)

    @cached_property
    def resource(self) -> Any:
        """The class of the resource that it is for, None where there is none."""
        rule = self.url_rule
        return rule and getattr(current_app.view_functions[rule.endpoint], "view_class", None)


def current_request() -> Request:
    """The request that this thread answers.

    Flask's own `request` looks for it at each use, which in all took a sixth of a read.
    """
    found: Request = request._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
    return found


@lru_cache
def _template(rule: str) -> str:
    """A rule without its converters."""
    return re.sub(r"<\w+:", "<", rule)

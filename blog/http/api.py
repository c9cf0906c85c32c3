"""The API and the resource that all others extend: what every request goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from json import loads
from typing import Any, ClassVar

import flask_restful
from flask import Flask
from werkzeug.http import http_date, quote_etag

from blog.content.authors import Caller
from blog.database.backend import Source
from blog.database.database import Database
from blog.database.session import Session
from blog.errors import Forbidden, Interrupted, PreconditionFailed
from blog.http import relations
from blog.http.application import Response
from blog.http.auth import BasicAuthentication, SignInRequired
from blog.http.compression import SHORTEST, choose_coding, compress
from blog.http.conditional import Stale, answer_conditionally, entity_tag, read_precondition
from blog.http.cursors import Cursors
from blog.http.links import Links, link_header, links_below, request_base
from blog.http.long_poll import WaitingRoom
from blog.http.negotiation import check_body_type, negotiate
from blog.http.preferences import prefers
from blog.http.query_parameters import Parser, Query, read_query
from blog.http.request import Request, current_request
from blog.http.request_target import READ_METHODS
from blog.maintenance.schema_watch import SchemaWatch
from blog.representations import hal, json, json_patch
from blog.representations.document import Document
from blog.storage.preconditions import Precondition

WRITERS: Mapping[str, Callable[[Document], bytes]] = {
    json.MEDIA_TYPE: json.write,
    hal.MEDIA_TYPE: hal.write,
    json_patch.MEDIA_TYPE: json_patch.write,
}
# How often a read is tried when the database cuts it off: a server that stops cuts off each of the
# connections that were open, one after the other.
_READS = 5

# A document, or nothing; then a status and headers, where they are not 200 and none.
Answer = Document | tuple[Document | None, int] | tuple[Document | None, int, dict[str, str]]


@dataclass(frozen=True)
class Services:
    """What resources need of the rest of the house."""

    database: Database
    authentication: BasicAuthentication
    cursors: Cursors
    waiting_room: WaitingRoom
    schema_watch: SchemaWatch
    now: Callable[[], datetime]
    require_if_match: bool = False
    base_url: str | None = None


class Resource(flask_restful.Resource):
    """A resource of the API.

    A subclass declares what it produces and which query parameters it knows, and has a method for
    each verb, which loads, acts and returns a document.
    """

    produces: ClassVar[tuple[str, ...]] = (json.MEDIA_TYPE, hal.MEDIA_TYPE)
    parameters: ClassVar[Mapping[str, Parser]] = {}
    write_parameters: ClassVar[Mapping[str, Parser]] = {}
    # Where it is read for a caller without credentials.
    source: ClassVar[Source] = "replica"
    # Whether all that is read for a caller without credentials is one statement.
    single_read: ClassVar[bool] = False
    # Whether a cache may keep what is read.
    cacheable: ClassVar[bool] = True
    # Whether what is read may be another a moment later, although nobody has written anything.
    depends_on_time: ClassVar[bool] = False
    # Whether what is read is the same for ever.
    constant: ClassVar[bool] = False
    # Whether it answers to whatever host it is asked for.
    any_host: ClassVar[bool] = False
    # Represents a state of the resource, such as a post, to the caller.
    document: ClassVar[Callable[..., Document]]

    # Links from the base URL of the request; who makes it, None for an anonymous caller; and what
    # the query says.
    links: Links
    caller: Caller | None
    query: Query

    def __init__(self, services: Services) -> None:
        self.services = services
        self.request = current_request()
        self.now = self.request.now = services.now()

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Negotiate, before anything is done; learn who calls; then run the method."""
        request = self.request
        request.media_type = self._negotiate()
        safe = request.method in READ_METHODS
        if not safe:
            check_body_type(type(self))
        # A Host header that can't be used is refused now, too.
        request.base = self.services.base_url or request_base()
        self.links = links_below(request.base)
        if not safe:
            return self._run("primary", *args, **kwargs)
        source: Source = "primary, else replica" if request.is_signed else self.source
        for _ in range(_READS - 1):
            # A read has no effect, so it may begin anew, on a server that is there.
            with suppress(Interrupted):
                return self._run(source, *args, **kwargs)
        return self._run(source, *args, **kwargs)

    def _run(self, source: Source, *args: Any, **kwargs: Any) -> Any:
        request = self.request
        safe = request.method in READ_METHODS
        single = safe and self.single_read
        with self.services.database.session(source, single=single) as request.session:
            self._admit(safe)
            if request.expects_continue:
                return _without_body(100, None)
            try:
                return self._method(*args, **kwargs)
            except PreconditionFailed as error:
                current = self.document(error.current)
                tag = entity_tag(current, WRITERS[request.media_type](current))
                raise Stale(str(error), tag, error.changed) from None
            except Forbidden:
                if self.caller:
                    raise
                raise SignInRequired("this is for some who sign in") from None

    def _admit(self, safe: bool) -> None:
        """Authenticate the caller, and refuse what can be refused before the body is read."""
        self.caller = self.request.caller = self.services.authentication.identify()
        if not safe:
            _check_may_write(self.caller)
        self.query = read_query(self.parameters if safe else self.write_parameters)

    def _negotiate(self) -> str:
        # DELETE answers without a body, so there is nothing to negotiate.
        return self.produces[0] if self.request.method == "DELETE" else negotiate(self.produces)

    @property
    def _method(self) -> Callable[..., Any]:
        """The method for the verb.

        Flask-RESTful would look in each resource for media types of its own, of which there are
        none, and read the Accept header for that.
        """
        verb = "get" if self.request.method == "HEAD" else self.request.method.lower()
        method: Callable[..., Any] = getattr(self, verb)
        return method

    @property
    def session(self) -> Session:
        """The connection of this request."""
        return self.request.session

    @property
    def author(self) -> Caller:
        """Who makes a request that only a signed-in caller can make."""
        assert self.caller is not None  # nosec B101  # tells mypy what `auth` has seen to
        return self.caller

    def links_of(self, document: Document) -> Mapping[str, Any]:
        """The member with the links of a document, as the client sees it in this media type."""
        written: Mapping[str, Any] = loads(
            WRITERS[self.request.media_type](Document(document.links))
        )
        return written

    def precondition(self, identity: str) -> Precondition:
        """The precondition of a write; raises PreconditionRequired where one is missing."""
        return read_precondition(identity, self.services.require_if_match)


class Api(flask_restful.Api):
    """The API: writes what resources return, and leaves errors to the application."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app, default_mediatype=None)
        self.representations.clear()

    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any:
        """Let Flask handle every error; Flask-RESTful would answer some of them its own way."""
        return original_handler(e)

    def make_response(
        self,
        data: Document | None,
        code: int = 200,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> Response:
        """Write a document in the negotiated media type, with its validators."""
        if data is None:
            return _without_body(code, headers)
        request = current_request()
        if request.caller and not request.caller.may_write:
            data = data.without_links(relations.WRITING)
        body = WRITERS[request.media_type](data)
        coding = _choose_coding(request, body)
        etag = entity_tag(data, body, coding)
        response = Response(body, code, headers, content_type=request.media_type)
        response.headers.extend((("ETag", quote_etag(etag)), ("Link", link_header(data.links))))
        if data.validators:
            # A clock that was ahead may have dated it in the future (RFC 9110 section 8.8.2.1).
            modified = min(data.validators.modified, request.now)
            response.headers.add("Last-Modified", http_date(modified))
        if request.method in READ_METHODS:
            answer = answer_conditionally(response, etag, data.validators)
            return _encode(answer, body, coding) if coding and answer is response else answer
        if prefers("return", "minimal"):
            return _minimal(response)
        if "fields" not in request.args:
            response.headers["Content-Location"] = data.links[relations.SELF].href
        return response


def _choose_coding(request: Request, body: bytes) -> str | None:
    """The coding in which a body is sent; what answers a write is short, or known to the client."""
    if len(body) < SHORTEST or request.method not in READ_METHODS:
        return None
    return choose_coding(request.headers.get("Accept-Encoding", ""))


def _encode(response: Response, body: bytes, coding: str) -> Response:
    response.set_data(compress(body, coding))
    response.headers.add("Content-Encoding", coding)
    return response


def _check_may_write(caller: Caller | None) -> None:
    if caller is None:
        raise SignInRequired("the credentials are missing")
    if not caller.may_write:
        raise Forbidden("this access token may only read")


def _without_body(code: int, headers: Mapping[str, str] | None) -> Response:
    # Of no body at all it would not say how long it is.
    response = Response(b"", code, headers)
    response.headers.remove("Content-Type")
    return response


def _minimal(response: Response) -> Response:
    """The same answer without its body (RFC 7240 section 4.2)."""
    code = 204 if response.status_code == 200 else response.status_code
    kept = [(k, v) for k, v in response.headers if not k.startswith("Content-")]
    return _without_body(code, dict(kept))

"""The API and the resource that all others extend: the steps that every request goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from json import loads
from typing import Any, ClassVar, cast

import flask_restful
from flask.views import MethodView

from blog.content.authors import Caller
from blog.content.markup import Renderer
from blog.database.backend import Source
from blog.database.database import Database
from blog.database.session import Session
from blog.errors import Forbidden, Interrupted, PreconditionFailed
from blog.http import responses
from blog.http.application import Response
from blog.http.auth import BasicAuthentication, SignInRequired
from blog.http.conditional import PreconditionNotMet, entity_tag, read_precondition
from blog.http.cursors import Cursors
from blog.http.links import Links, links_below, request_base
from blog.http.long_poll import LongPoll
from blog.http.negotiation import check_body_type, negotiate
from blog.http.query_parameters import Parser, Query, read_query
from blog.http.request import current_request
from blog.http.responses import Created
from blog.maintenance.schema_watch import SchemaWatch
from blog.representations import hal, json
from blog.representations.document import Document, Representation
from blog.storage.access import Access
from blog.storage.preconditions import Precondition

# A server that stops cuts off each of its open connections, one after the other.
_MAX_READS = 5

# What the method of a resource returns; None for a response without a body (204).
Result = Document | Created | Response | None


@dataclass(frozen=True)
class Services:
    """The parts of the application that resources use."""

    database: Database
    authentication: BasicAuthentication
    cursors: Cursors
    long_poll: LongPoll
    schema_watch: SchemaWatch
    renderer: Renderer
    now: Callable[[], datetime]
    require_if_match: bool = False
    base_url: str | None = None


class Resource(flask_restful.Resource):
    """A resource of the API.

    A subclass declares its representations and query parameters, and has a method for each verb,
    which loads, acts and returns a document.
    """

    # The representations to negotiate; the first is the default.
    produces: ClassVar[tuple[Representation, ...]] = (json, hal)
    parameters: ClassVar[Mapping[str, Parser]] = {}
    write_parameters: ClassVar[Mapping[str, Parser]] = {}
    # The database server that reads without credentials use.
    source: ClassVar[Source] = "replica"
    # Whether caches may store the representation.
    cacheable: ClassVar[bool] = True
    # Whether the representation may change without any write.
    depends_on_time: ClassVar[bool] = False
    # Whether the representation never changes.
    constant: ClassVar[bool] = False
    # Whether it is served under any host name.
    any_host: ClassVar[bool] = False
    # Represents the state of a resource, such as a post, to the caller.
    document: ClassVar[Callable[..., Document]]

    # Makes links below the base URL of the request.
    links: Links
    # None for an anonymous caller.
    caller: Caller | None
    query: Query

    def __init__(self, services: Services) -> None:
        self.services = services
        self.request = current_request()
        self.now = self.request.now = services.now()

    @classmethod
    def media_types(cls) -> tuple[str, ...]:
        """The media types to negotiate; the first is the default."""
        return tuple(representation.MEDIA_TYPE for representation in cls.produces)

    def dispatch_request(self, *args: Any, **arguments: Any) -> Response:
        """Respond to a request, in steps each of which may refuse it."""
        self._negotiate()
        handle = self._handle_read if self.request.is_read else self._handle_write
        result = handle(arguments)
        if result is None:
            return responses.without_body(204)
        if isinstance(result, Document | Created):
            return responses.represent(result, self.representation)
        return result

    def _negotiate(self) -> None:
        """Choose the representation, and refuse a body or a host that can't be used."""
        request, offers = self.request, self.media_types()
        # The response to DELETE has no body, so there is nothing to negotiate.
        request.media_type = offers[0] if request.method == "DELETE" else negotiate(offers)
        if not request.is_read:
            check_body_type(type(self))
        request.base = self.services.base_url or request_base()
        self.links = links_below(request.base)

    def _handle_read(self, arguments: Mapping[str, Any]) -> Result:
        """Call the method of a read, again where the database has interrupted it."""
        source: Source = "primary, else replica" if self.request.has_credentials else self.source
        for _ in range(_MAX_READS - 1):
            with suppress(Interrupted):
                return self._handle(source, arguments)
        return self._handle(source, arguments)

    def _handle_write(self, arguments: Mapping[str, Any]) -> Result:
        return self._handle("primary", arguments)

    def _handle(self, source: Source, arguments: Mapping[str, Any]) -> Result:
        """Authenticate the caller, read the query, and call the method, with one session."""
        request = self.request
        with self.services.database.session(source) as request.session:
            self.caller = request.caller = self._authenticate()
            self.query = self._read_query()
            if request.expects_continue:
                return responses.without_body(100)
            return self._call_method(arguments)

    def _authenticate(self) -> Caller | None:
        """The caller, who may make this request as far as is known before its body is read."""
        caller = self.services.authentication.identify()
        if self.request.is_read:
            return caller
        if caller is None:
            raise SignInRequired("the credentials are missing")
        if not caller.may_write:
            raise Forbidden("this access token may only read")
        return caller

    def _read_query(self) -> Query:
        return read_query(self.parameters if self.request.is_read else self.write_parameters)

    def _call_method(self, arguments: Mapping[str, Any]) -> Result:
        """Call the method for the verb.

        The error of a failed precondition carries the current entity-tag, and an anonymous caller
        who is forbidden something is asked for credentials.
        """
        try:
            # Flask-RESTful would also parse Accept for media types of the resource, which has none:
            # with a browser's Accept, an uncached post then takes 17 % longer.
            return cast(Result, MethodView.dispatch_request(self, **arguments))
        except PreconditionFailed as error:
            current = self.document(error.current)
            etag = entity_tag(current, self.representation.write(current))
            raise PreconditionNotMet(str(error), etag, error.changed) from None
        except Forbidden:
            if self.caller:
                raise
            raise SignInRequired("this needs credentials") from None

    @property
    def representation(self) -> Representation:
        """The representation that was negotiated."""
        return self.produces[self.media_types().index(self.request.media_type)]

    @property
    def session(self) -> Session:
        """The connection of this request."""
        return self.request.session

    @property
    def access(self) -> Access:
        """The session, the caller and the time of this request, for storage."""
        return Access(self.session, self.caller, self.now, self.services.renderer)

    def links_of(self, document: Document) -> Mapping[str, Any]:
        """The links of a document as a member of this representation, which a client sees."""
        written: Mapping[str, Any] = loads(self.representation.write(Document(document.links)))
        return written

    def precondition(self, identity: str) -> Precondition:
        """The precondition of a write; raises PreconditionRequired where one is missing."""
        return read_precondition(identity, self.services.require_if_match)


class Api(flask_restful.Api):
    """The API, which leaves errors to the application."""

    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any:
        """Let Flask handle every error; Flask-RESTful would respond to some in its own way."""
        return original_handler(e)

"""A document as a response: its representation, content coding, validators and conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.http import http_date, quote_etag

from blog.content.authors import Caller
from blog.http import relations
from blog.http.application import Response
from blog.http.compression import MIN_SIZE, choose_coding, compress
from blog.http.conditional import entity_tag, is_not_modified
from blog.http.links import link_header
from blog.http.preferences import prefers
from blog.http.request import Request, current_request
from blog.representations.document import Document, Representation


@dataclass(frozen=True, slots=True)
class Created:
    """The document of a resource that the request has created."""

    document: Document


def represent(result: Document | Created, representation: Representation) -> Response:
    """Write a document as the response to a request; raises PreconditionNotMet."""
    request = current_request()
    document = result.document if isinstance(result, Created) else result
    document = _visible(document, request.caller)
    body = representation.write(document)
    coding = _choose_coding(request, body)
    etag = entity_tag(document, body, coding)
    if request.is_read and is_not_modified(etag, document):
        return _not_modified(etag)
    response = Response(body, content_type=representation.MEDIA_TYPE)
    if isinstance(result, Created):
        response.status_code = 201
        response.headers["Location"] = document.links[relations.SELF].href
    _add_validators(response, document, etag)
    if coding:
        _encode(response, body, coding)
    return response if request.is_read else _finish_write(request, response, document)


def without_body(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A response without content, and without Content-Type."""
    # With a body of None, Content-Length would be missing.
    response = Response(b"", status, headers)
    response.headers.remove("Content-Type")
    return response


def _visible(document: Document, caller: Caller | None) -> Document:
    """The document without links that the caller may not follow."""
    if caller is None or caller.may_write:
        return document
    return document.without_links(relations.WRITING)


def _choose_coding(request: Request, body: bytes) -> str | None:
    """The content coding; the response to a write is short, or known to the client."""
    if len(body) < MIN_SIZE or not request.is_read:
        return None
    return choose_coding(request.headers.get("Accept-Encoding", ""))


def _add_validators(response: Response, document: Document, etag: str) -> None:
    response.headers.extend((("ETag", quote_etag(etag)), ("Link", link_header(document.links))))
    if document.validators and document.is_dated:
        # A date from a clock that was ahead may lie in the future (RFC 9110 section 8.8.2.1).
        modified = min(document.validators.modified, current_request().now)
        response.headers.add("Last-Modified", http_date(modified))


def _encode(response: Response, body: bytes, coding: str) -> None:
    response.set_data(compress(body, coding))
    response.headers.add("Content-Encoding", coding)


def _not_modified(etag: str) -> Response:
    """The response to a client whose copy is current (RFC 9110 section 15.4.5)."""
    response = Response(status=304)
    response.headers.remove("Content-Type")
    response.headers["ETag"] = quote_etag(etag)
    return response


def _finish_write(request: Request, response: Response, document: Document) -> Response:
    if prefers("return", "minimal"):
        return _minimal(response)
    if "fields" not in request.args:
        response.headers["Content-Location"] = document.links[relations.SELF].href
    return response


def _minimal(response: Response) -> Response:
    """The same response without its body (RFC 7240 section 4.2)."""
    status = 204 if response.status_code == 200 else response.status_code
    headers = [(k, v) for k, v in response.headers if not k.startswith("Content-")]
    return without_body(status, dict(headers))

"""Problem documents (RFC 9457): the one place where an exception becomes a response."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from flask import Flask, Response
from werkzeug import exceptions as http
from werkzeug.exceptions import HTTPException

from blog import errors
from blog.http.links import links_below
from blog.http.middleware.access_log import request_id
from blog.http.request import Request, current_request
from blog.http.retry_after import BUSY, UNAVAILABLE

logger = logging.getLogger("blog.errors")

MEDIA_TYPE = "application/problem+json"
# A request that is refused for the length of its path is not echoed whole.
_LONGEST_INSTANCE = 8192
_STATUSES: dict[type[Exception], type[HTTPException]] = {
    errors.Malformed: http.BadRequest,
    errors.DeadCursor: http.BadRequest,
    errors.Forbidden: http.Forbidden,
    errors.NotFound: http.NotFound,
    errors.SlugTaken: http.Conflict,
    errors.PatchConflict: http.Conflict,
    errors.Invalid: http.UnprocessableEntity,
}
# The kinds of problem that a client has to distinguish from others with the same status, by the
# fragment of their type, which never changes.
TYPES: dict[type[Exception], str] = {errors.DeadCursor: "dead-cursor"}
# The names of RFC 9110, where Python has those of an earlier RFC.
_TITLES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
_DETAILS = {
    400: "the request can't be read",
    404: "there is nothing at this address",
    405: "the method is not allowed here; Allow lists those that are",
    413: "the body is larger than this server takes",
    500: "an unexpected error; the log of the server has more under this request id",
}


def install(app: Flask) -> None:
    """Respond to every exception of the application with a problem document."""
    app.register_error_handler(Exception, make_response)


def make_response(error: Exception) -> Response:
    """The response to an exception. An error that is not the client's is logged with its cause."""
    request = current_request()
    # The metrics read this. The exception itself refers to the request, which would stay in memory.
    request.error = type(error)
    status = _http_error(error)
    document = _document(status, error)
    # The title as the reason phrase; `blog serve` writes a phrase of its own.
    line = f"{document['status']} {document['title']}"
    response = Response(_encode(document), line, mimetype=MEDIA_TYPE)
    _add_headers(response, status)
    return response


def _add_headers(response: Response, status: HTTPException) -> None:
    for name, value in status.get_headers(current_request().environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers.add(name, value)
    if "Allow" in response.headers:
        response.headers["Allow"] = ", ".join(sorted(response.allow))


def _http_error(error: Exception) -> HTTPException:
    """The error with its status, its detail and its headers."""
    if isinstance(error, HTTPException):
        return error
    if kind := _STATUSES.get(type(error)):
        return kind(str(error))
    if isinstance(error, errors.Throttled):
        return http.TooManyRequests(str(error), retry_after=error.seconds)
    if isinstance(error, errors.TooManySignIns):
        return http.ServiceUnavailable(str(error), retry_after=BUSY)
    if isinstance(error, errors.AuthenticatorUnavailable):
        return http.ServiceUnavailable(str(error), retry_after=UNAVAILABLE)
    return _server_error(error)


def _server_error(error: Exception) -> HTTPException:
    extra = {"requestId": request_id()}
    if isinstance(error, (errors.StorageUnavailable, errors.DatabaseError)):
        logger.warning("storage unavailable: %s", error, extra=extra)
        return http.ServiceUnavailable(_storage_detail(error), retry_after=UNAVAILABLE)
    if isinstance(error, errors.NotReady):
        logger.warning("not ready: %s", error.__cause__ or error, extra=extra)
        return http.ServiceUnavailable(str(error), retry_after=UNAVAILABLE)
    logger.error("unexpected error", exc_info=error, extra=extra)
    return http.InternalServerError()


def _encode(document: dict[str, Any]) -> bytes:
    """Write JSON; a lone surrogate, which a client may send, can't be UTF-8 and becomes ``?``."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _storage_detail(error: errors.BlogError) -> str:
    if isinstance(error, errors.OutcomeUnknown):
        return (
            "the database did not confirm this write: check whether it took effect before a retry"
        )
    return "the database is temporarily unavailable"


def _document(status: HTTPException, error: Exception) -> dict[str, Any]:
    request, code = current_request(), status.code or 500
    document: dict[str, Any] = {
        "type": _type(error),
        "title": _TITLES.get(code, HTTPStatus(code).phrase),
        "status": code,
        "detail": _detail(status, code),
        "instance": _instance(request)[:_LONGEST_INSTANCE],
    }
    if isinstance(error, errors.InvalidInput):
        document["errors"] = [_fault(fault) for fault in error.faults]
    if isinstance(error, errors.NotReady):
        document["failed"] = error.check
    if code >= 500:
        document["requestId"] = request_id()
    return document | getattr(status, "members", {})


def _instance(request: Request) -> str:
    """The path of the request as a relative reference: ``//x`` is a host (RFC 3986 section 4.2)."""
    path = quote(request.root_path + request.path, errors="replace")
    return f"/.{path}" if path.startswith("//") else path


def _type(error: Exception) -> str:
    """The URI that names the kind of problem (RFC 9457 section 3.1.1)."""
    fragment = TYPES.get(type(error))
    return links_below(current_request().base).problem(fragment) if fragment else "about:blank"


def _detail(status: HTTPException, code: int) -> str:
    """The detail of the error, else the one of its status, else Werkzeug's."""
    own = status.description != type(status).description
    return str(status.description if own else _DETAILS.get(code, status.description))


def _fault(fault: errors.Fault) -> dict[str, str]:
    where = {"pointer": fault.pointer, "parameter": fault.parameter, "header": fault.header}
    return {
        **{name: value for name, value in where.items() if value is not None},
        "detail": fault.detail,
    }

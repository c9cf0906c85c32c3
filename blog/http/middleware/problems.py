"""Errors as RFC 9457 problem documents: the one place where an exception becomes an answer."""

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

logger = logging.getLogger("blog.errors")

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = 5
# What is refused for its length need not be said again whole.
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
# The names of RFC 9110; Python knows some of them by their names of old.
_TITLES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
_DETAILS = {
    400: "the request can't be read",
    404: "there is nothing at this address",
    405: "the method is not allowed here; Allow says which are",
    413: "the body is larger than this server takes",
    500: "an unexpected error; the log of the server has more under this request id",
}


def install(app: Flask) -> None:
    """Answer every exception of the application with a problem document."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """The answer to an exception. What is not the client's doing is logged with its cause."""
    request = current_request()
    # For those who count what went wrong. The exception itself knows of the request, and would
    # keep it in memory.
    request.error = type(error)
    status = _as_http(error)
    document = _document(status, error)
    # In the status line this is the phrase of the document; `blog serve` writes its own there.
    line = f"{document['status']} {document['title']}"
    response = Response(_encode(document), line, mimetype=MEDIA_TYPE)
    for name, value in status.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers.add(name, value)
    if "Allow" in response.headers:
        response.headers["Allow"] = ", ".join(sorted(response.allow))
    return response


def _as_http(error: Exception) -> HTTPException:
    if isinstance(error, HTTPException):
        return error
    if kind := _STATUSES.get(type(error)):
        return kind(str(error))
    if isinstance(error, errors.TooManySignIns):
        return http.ServiceUnavailable(str(error), retry_after=1)
    if isinstance(error, errors.AuthenticatorUnavailable):
        return http.ServiceUnavailable(str(error), retry_after=_RETRY_SECONDS)
    if isinstance(error, errors.Throttled):
        return http.TooManyRequests(str(error), retry_after=error.seconds)
    if isinstance(error, (errors.StorageUnavailable, errors.DatabaseError)):
        logger.warning("storage unavailable: %s", error, extra=_request())
        return http.ServiceUnavailable(_storage_detail(error), retry_after=_RETRY_SECONDS)
    if isinstance(error, errors.NotReady):
        logger.warning("not ready: %s", error.__cause__ or error, extra=_request())
        return http.ServiceUnavailable(str(error), retry_after=_RETRY_SECONDS)
    logger.error("unexpected error", exc_info=error, extra=_request())
    return http.InternalServerError()


def _encode(document: dict[str, Any]) -> bytes:
    """Write JSON; a lone surrogate that a client sent has no UTF-8, and becomes ``?``."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _request() -> dict[str, str]:
    """By which a line in the log is found."""
    return {"requestId": request_id()}


def _storage_detail(error: errors.BlogError) -> str:
    if isinstance(error, errors.OutcomeUnknown):
        return "the storage did not say whether this was done: look before you try again"
    return "the storage can't serve now"


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
    """The path of the request as a reference (RFC 3986 section 4.2): ``//x`` would be a host."""
    path = quote(request.root_path + request.path, errors="replace")
    return f"/.{path}" if path.startswith("//") else path


def _type(error: Exception) -> str:
    """The URI that names the kind of problem (RFC 9457 section 3.1.1)."""
    fragment = TYPES.get(type(error))
    return links_below(current_request().base).problem(fragment) if fragment else "about:blank"


def _detail(status: HTTPException, code: int) -> str:
    """Our own sentence, where there is one, or Werkzeug's for the status."""
    own = status.description != type(status).description
    return str(status.description if own else _DETAILS.get(code, status.description))


def _fault(fault: errors.Fault) -> dict[str, str]:
    where = {"pointer": fault.pointer, "parameter": fault.parameter, "header": fault.header}
    return {
        **{name: value for name, value in where.items() if value is not None},
        "detail": fault.detail,
    }

"""The format of the log: text for people, or one JSON object per line for programs."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pythonjsonlogger.json import JsonFormatter

from blog.content.dates import format_date_time

Format = Literal["auto", "json", "text"]

# The attribute of a record with its own members, in addition to those of every record.
MEMBERS = "_members"

_START = "%(asctime)s %(levelname)s %(name)s %(requestId)s "
_REQUEST = '%(address)s %(author)s "%(method)s %(target)s" %(status)d %(bytes)d %(durationMs).1fms'
# The defaults of members that a record may lack.
_DEFAULTS = {"requestId": "-", "address": "-", "author": "-"}
# Characters that end a line or control a terminal, and surrogates, which can't be UTF-8.
_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class TextFormatter(logging.Formatter):
    """Writes a record as a line of text; a traceback follows on further lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, with control characters escaped, so that no value can begin another line."""
        return _escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """The traceback, with control characters escaped: a message may quote a client."""
        return "\n".join(map(_escape, super().formatException(ei).split("\n")))


def _escape(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


class JSONFormatter(JsonFormatter):
    """Writes a record as a JSON object in ASCII on one line, with its own attributes as members."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={
                "asctime": "time",
                "levelname": "level",
                "name": "logger",
                "exc_info": "exception",
                "stack_info": "stack",
            },
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """The time of the record (RFC 3339), in UTC."""
        return format_date_time(datetime.fromtimestamp(record.created, UTC))


class RequestFormatter(JSONFormatter):
    """Writes the record of a request in the same way, but faster.

    With `JSONFormatter`, a cached post takes 17 % longer, and with the library's formatter that
    uses orjson, 6 %.
    """

    def format(self, record: logging.LogRecord) -> str:
        """A JSON object of the common members and those of this record."""
        members: dict[str, Any] | None = record.__dict__.get(MEMBERS)
        if members is None:
            return super().format(record)
        try:
            line = orjson.dumps(
                {
                    "time": self.formatTime(record),
                    "level": record.levelname,
                    "logger": record.name,
                    "message": record.msg,
                    **members,
                }
            )
        except orjson.JSONEncodeError:
            # A lone surrogate can't be UTF-8.
            return super().format(record)
        # The library escapes other characters.
        return line.decode() if line.isascii() else super().format(record)


def configuration(form: Format) -> dict[str, Any]:
    """The configuration of the log on standard error, for `logging.config.dictConfig`.

    It includes warnings of libraries. ``auto`` is text on a terminal, and JSON otherwise.
    """
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": _line("%(message)s") if text else {"()": JSONFormatter},
            "request": _line(_REQUEST) if text else {"()": RequestFormatter},
        },
        "handlers": {"plain": _handler("plain"), "request": _handler("request")},
        "loggers": {
            "blog": {"level": "INFO"},
            "blog.access": {"handlers": ["request"], "propagate": False},
        },
        "root": {"handlers": ["plain"], "level": "WARNING"},
    }


def set_up(form: Format) -> None:
    """Configure the log, unless the program that runs the application has done so."""
    if not logging.getLogger("blog").hasHandlers():
        logging.config.dictConfig(configuration(form))


def _line(message: str) -> dict[str, Any]:
    return {
        "()": TextFormatter,
        "fmt": _START + message,
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        "defaults": _DEFAULTS,
    }


def _handler(formatter: str) -> dict[str, Any]:
    return {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stderr",
        "formatter": formatter,
    }

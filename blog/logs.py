"""How the log is written out: a line for people, or one JSON object a line for programs."""

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

# The attribute of a record that holds the members it adds to those every record has.
MEMBERS = "_members"

_START = "%(asctime)s %(levelname)s %(name)s %(requestId)s "
_REQUEST = '%(address)s %(author)s "%(method)s %(target)s" %(status)d %(bytes)d %(durationMs).1fms'
# What a record may be without.
_NOTHING = {"requestId": "-", "address": "-", "author": "-"}
# What would end a line or steer a terminal, and what has no UTF-8.
_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class TextFormatter(logging.Formatter):
    """Writes a record as a line of text for people; a traceback follows in lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, in which nothing that is logged can begin another one."""
        return _escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """The traceback; an error's own words may be a client's."""
        return "\n".join(map(_escape, super().formatException(ei).split("\n")))


def _escape(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


class JSONFormatter(JsonFormatter):
    """Writes a record as a JSON object in ASCII, with all that it has of its own as members.

    A traceback is a member too, so nothing that is logged can break a line or begin another one.
    """

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
        """When it was logged (RFC 3339), in UTC."""
        return format_date_time(datetime.fromtimestamp(record.created, UTC))


class RequestFormatter(JSONFormatter):
    """Writes the record of a request likewise, and in a third of the time: each request has one."""

    def format(self, record: logging.LogRecord) -> str:
        """A JSON object of what every record has, and of the members that this one names."""
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
            # A lone surrogate, which has no UTF-8.
            return super().format(record)
        # What is not ASCII is for the library to escape.
        return line.decode() if line.isascii() else super().format(record)


def leave_out_threads() -> None:
    """Have no record say by which thread and process it was made, for which no line has a place.

    It saves half of the time to make one ("Optimization" in the manual of `logging`).
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def configuration(form: Format) -> dict[str, Any]:
    """The set-up of the log on standard error, as `logging.config.dictConfig` takes it.

    What other libraries warn of is in it, too. ``auto`` is text on a terminal, and else JSON.
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
    """Set the log up, unless whoever runs the application has done so."""
    if not logging.getLogger("blog").hasHandlers():
        logging.config.dictConfig(configuration(form))


def _line(message: str) -> dict[str, Any]:
    return {
        "()": TextFormatter,
        "fmt": _START + message,
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        "defaults": _NOTHING,
    }


def _handler(formatter: str) -> dict[str, Any]:
    return {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stderr",
        "formatter": formatter,
    }

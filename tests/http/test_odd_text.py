"""Text that can't be UTF-8 or would end a line: every encoder writes it."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest
from flask import Flask
from werkzeug.exceptions import BadRequest

from blog.errors import Fault, Malformed
from blog.http.middleware import problems
from blog.http.request import Request
from blog.logs import MEMBERS, RequestFormatter, configuration

ODD = [
    "\ud800",
    "\udfff x",
    "a\0b",
    "\n",
    "\r\n",
    "\x85",
    "\u2028",
    "\x1b[2J",
    "%d %(x)s",
    "x" * 10**6,
]


def answer(error: Exception) -> bytes:
    """The problem document of an error, outside of the blog's own routes."""
    app = Flask("odd")
    app.request_class = Request
    with app.test_request_context("/"):
        return problems.make_response(error).get_data()


@pytest.mark.parametrize("text", ODD)
def test_a_problem_document_is_written_whatever_its_detail_holds(text: str) -> None:
    written = answer(BadRequest(f"a{text}b")).decode()

    assert json.loads(written)["detail"] == f"a{text}b".encode(errors="replace").decode()


@pytest.mark.parametrize("text", ODD)
def test_a_problem_document_is_written_whatever_its_faults_hold(text: str) -> None:
    written = answer(Malformed([Fault(text, pointer=f"#/{text}"), Fault(text, header=text)]))

    assert [fault["detail"] for fault in json.loads(written.decode())["errors"]] == [
        text.encode(errors="replace").decode()
    ] * 2


def formatted(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """What a handler with the formatter writes to a stream of UTF-8."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", newline="")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.emit(record)
    return raw.getvalue().decode()


def text_formatter() -> logging.Formatter:
    """The formatter of text, as the configuration makes it."""
    line = configuration("text")["formatters"]["plain"]
    made: logging.Formatter = line["()"](
        fmt=line["fmt"], datefmt=line["datefmt"], defaults=line["defaults"]
    )
    return made


def record_of(message: str) -> logging.LogRecord:
    """A record with a message that is not formatted."""
    return logging.LogRecord("blog.errors", logging.WARNING, "", 0, message, None, None)


@pytest.mark.parametrize("text", ODD)
def test_a_line_of_text_holds_any_message(text: str) -> None:
    said = formatted(text_formatter(), record_of(f"a{text}b"))

    assert said.endswith("b\n")
    assert said[:-1].isprintable()


@pytest.mark.parametrize("text", ODD)
def test_a_traceback_as_text_holds_any_error(text: str) -> None:
    record = record_of("failed")
    try:
        raise ValueError(f"a{text}b")
    except ValueError:
        record.exc_info = sys.exc_info()

    lines = formatted(text_formatter(), record).rstrip("\n").split("\n")

    assert lines[1] == "Traceback (most recent call last):"
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("text", ODD)
def test_the_record_of_a_request_is_an_object_whatever_its_members_hold(text: str) -> None:
    record = record_of("GET /")
    members = {"target": text, "address": text}
    record.__dict__.update({**members, MEMBERS: members})

    said = formatted(RequestFormatter(), record)

    assert said.count("\n") == 1
    assert json.loads(said)["target"] == text

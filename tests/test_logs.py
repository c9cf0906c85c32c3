"""The log: lines for people, or one JSON object a line that nothing breaks."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers.serving import TIMEOUT, environment

START = "import logging; from blog.logs import configuration, set_up; "
SET_UP = START + "set_up('auto'); "
LOG = "log = logging.getLogger('blog.errors'); "
FAIL = """
try:
    raise ValueError("two\\nlines\\u2028and \\x1b[2J")
except ValueError:
    log.exception("failed", extra={"requestId": "0123456789abcdef"})
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, without a terminal."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=True, timeout=TIMEOUT
    )


def logged(code: str) -> list[dict[str, Any]]:
    """What a program logs: the object in each line of its standard error."""
    return [json.loads(line) for line in run(code).stderr.split("\n")[:-1]]


def on_a_terminal(code: str) -> str:
    """What a program logs whose standard error is a terminal."""
    ours, its = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", code], env=environment(), stderr=its, check=True, timeout=TIMEOUT
    )
    os.close(its)
    said = b""
    # Linux says that there is no more in this way.
    with suppress(OSError):
        while chunk := os.read(ours, 4096):
            said += chunk
    os.close(ours)
    return said.decode()


def test_a_record_is_an_object_with_time_level_logger_and_message() -> None:
    (line,) = logged(SET_UP + LOG + "log.warning('%d of %d', 1, 2)")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("time"))
    assert line == {"level": "WARNING", "logger": "blog.errors", "message": "1 of 2"}


def test_what_a_record_has_of_its_own_are_members() -> None:
    (line,) = logged(SET_UP + LOG + "log.info('x', extra={'requestId': 'a', 'status': 200})")

    assert (line["requestId"], line["status"]) == ("a", 200)


def test_a_traceback_is_a_member() -> None:
    (line,) = logged(SET_UP + LOG + FAIL)

    assert line["message"] == "failed"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert "two\nlines\u2028and \x1b[2J" in line["exception"]


@pytest.mark.parametrize("text", ["\n", "\r", "\u2028", "\u2029", "\x85", "\x1b[2J", "\ud800"])
def test_nothing_that_is_logged_breaks_a_line(text: str) -> None:
    said = run(SET_UP + LOG + f"log.warning({f'a{text}b'!a})").stderr

    assert said.isascii()
    assert said.removesuffix("\n").isprintable()
    assert json.loads(said)["message"] == f"a{text}b"


def test_what_is_no_json_is_logged_as_text() -> None:
    (line,) = logged(SET_UP + LOG + "log.warning('x', extra={'a': b'b', 'b': {1j}})")

    assert line["message"] == "x"


def test_what_libraries_warn_of_is_logged_in_the_same_way() -> None:
    lines = logged(SET_UP + "log = logging.getLogger('sqlalchemy.pool'); " + FAIL)

    assert [line["logger"] for line in lines] == ["sqlalchemy.pool"]


def test_a_terminal_shows_text() -> None:
    said = on_a_terminal(SET_UP + LOG + "log.warning('shown')")

    assert re.fullmatch(r"\S+T\S+ WARNING blog.errors - shown\r\n", said)


def test_a_request_is_a_line_of_text_with_all_of_it() -> None:
    fields = {
        "requestId": "0123456789abcdef",
        "address": "127.0.0.1",
        "author": "rick",
        "method": "GET",
        "target": "/post?limit=5",
        "route": "/post",
        "status": 200,
        "bytes": 42,
        "durationMs": 1.234,
    }
    log = "logging.getLogger('blog.access').info('GET /post 200', extra="
    said = run(f"{START}set_up('text'); {log}{fields})").stderr

    expected = '0123456789abcdef 127.0.0.1 rick "GET /post?limit=5" 200 42 1.2ms\n'
    assert said.partition(" INFO blog.access ")[2] == expected


REQUEST = (
    "from blog.http.middleware.access_log import LogEntry, log; "
    "access = LogEntry('GET', {!a}, None, 404, 9); "
)


@pytest.mark.parametrize("target", ["/nowhere", "/\xe9\u2028"])
def test_a_request_is_an_object_with_all_of_it(target: str) -> None:
    call = "log(access, '0123456789abcdef', {'address': '127.0.0.1'}, 0.0012345)"
    (line,) = logged(SET_UP + REQUEST.format(target) + call)

    assert list(line)[:4] == ["time", "level", "logger", "message"]
    del line["time"]
    assert line == {
        "level": "INFO",
        "logger": "blog.access",
        "message": f"GET {target} 404",
        "requestId": "0123456789abcdef",
        "address": "127.0.0.1",
        "method": "GET",
        "target": target,
        "route": None,
        "status": 404,
        "bytes": 9,
        "durationMs": 1.234,
    }


def test_whatever_else_is_logged_as_a_request_is_an_object_too() -> None:
    (line,) = logged(SET_UP + "logging.getLogger('blog.access').warning('odd')")

    assert (line["level"], line["message"]) == ("WARNING", "odd")


@pytest.mark.parametrize(("form", "first"), [("json", "{"), ("text", "2")])
def test_the_form_can_be_chosen(form: str, first: str) -> None:
    said = on_a_terminal(f"{START}set_up({form!r}); {LOG}log.warning('x')")

    assert said.startswith(first)


def test_a_log_that_is_set_up_is_left_alone() -> None:
    first = "import logging; logging.basicConfig(format='mine: %(message)s'); "
    said = run(f"{first}{SET_UP}{LOG}log.warning('x')").stderr

    assert said == "mine: x\n"


def test_the_application_sets_up_the_log_where_nobody_has(tmp_path: Path) -> None:
    code = "from blog.app import create_app; from blog.settings import Settings; "
    settings = f"Settings(database_url='sqlite:///{tmp_path}/blog.db', log_format='json')"
    (line,) = logged(f"{code}create_app({settings}).test_client().get('/')")

    assert (line["logger"], line["message"]) == ("blog.access", "GET / 200")

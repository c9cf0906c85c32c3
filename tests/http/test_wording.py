"""Errors are reported in words of the blog, not of a library, its types or its codes."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.commands import blog, failed
from tests.people import RICK
from tests.servers.serving import TIMEOUT, add_author, environment, serve

pytestmark = pytest.mark.databases("sqlite")

# Words by which a library or the interpreter speaks of itself.
FOREIGN = re.compile(
    r"Errno|codec|utf-8-sig|idna|at at|Traceback|Exception|NoneType|\bdict\b|\bstr\b|object has no"
    r"|Expecting|Unterminated|Invalid |Extra data|Illegal trailing"
    r"|Input should|validation error|werkzeug|browser|pydantic|orjson|jsonpatch|sqlalchemy"
    r"|psycopg\.|https://sqlalche|https://errors"
)
JSON = "application/json"


@cases(
    ("method", "path", "request_"),
    [
        ("GET", "/nowhere", {}),
        ("DELETE", "/", {}),
        ("GET", "/", {"headers": {"Accept": "image/png"}}),
        ("GET", "/", {"headers": {"Authorization": "Basic !"}}),
        ("GET", "/", {"headers": {"Host": "a b"}}),
        ("GET", "/post?limit=many&since=never&sort=up&fields=x&cursor=x", {}),
        ("GET", "/post?since=2026-13-45&until=24:00", {}),
        ("GET", "/change?after=x", {}),
        ("POST", "/post", {"data": b"", "content_type": JSON}),
        ("POST", "/post", {"data": b"\xff", "content_type": JSON}),
        ("POST", "/post", {"data": b'{"title": NaN}', "content_type": JSON}),
        ("POST", "/post", {"data": b"[" * 100_000, "content_type": JSON}),
        ("POST", "/post", {"data": b"9" * 5000, "content_type": JSON}),
        ("POST", "/post", {"data": b'{"a": 1, "a": 2}', "content_type": JSON}),
        ("POST", "/post", {"data": b"x", "content_type": "text/plain"}),
        ("POST", "/post", {"json": []}),
        ("POST", "/post", {"json": {"title": 1, "body": None, "tags": "a", "status": 7}}),
        ("POST", "/post", {"json": {"title": "\ud800", "body": {}, "postedDate": "soon"}}),
        ("POST", "/post", {"json": {"title": "a", "body": "b"}, "headers": {"If-Match": '"'}}),
        (
            "POST",
            "/post",
            {"json": {"title": "a", "body": ""}, "headers": {"Idempotency-Key": "\u00e9"}},
        ),
        ("PUT", "/author/rick", {"json": {"url": "http://[", "bio": 1}}),
    ],
)
def test_no_client_gets_the_words_of_a_library(
    method: str, path: str, request_: dict[str, Any], client: FlaskClient
) -> None:
    auth = {} if "Authorization" in request_.get("headers", {}) else {"auth": RICK}
    response = client.open(path, method=method, **auth, **request_)

    assert 400 <= response.status_code < 500
    assert not FOREIGN.search(response.text), response.text


@cases(
    ("text", "detail"),
    [
        ("", "a value is missing or can't be read, at line 1, column 1"),
        ('{"a": }', "a value is missing or can't be read, at line 1, column 7"),
        ("{a: 1}", "a name in double quotes is missing, at line 1, column 2"),
        ('{"a": 1', "a comma or a closing bracket is missing, at line 1, column 8"),
        ('{"a" 1}', "a colon is missing, at line 1, column 6"),
        ('{\n"a": "b', "a string has no end, at line 2, column 6"),
        (
            '"a\nb"',
            "a string contains a control character that is not escaped, at line 1, column 3",
        ),
        (r'"\x"', "a string contains a backslash that escapes nothing, at line 1, column 2"),
        (r'"\uXYZ1"', "a string contains a backslash that escapes nothing, at line 1, column 3"),
        ("1 2", "there is more after the end of the value, at line 1, column 3"),
    ],
)
def test_invalid_json_is_reported_in_words_of_the_blog(
    text: str, detail: str, client: FlaskClient
) -> None:
    response = client.post("/post", data=text, content_type=JSON, auth=RICK)

    assert response.json["errors"] == [{"pointer": "#", "detail": f"is not JSON: {detail}"}]


@pytest.mark.usefixtures("rick")
@pytest.mark.parametrize(
    "command",
    [
        "author add a:b --password-stdin",
        "author passwd joe --password-stdin",
        "token add joe bot",
        "token revoke rick bot",
        "database backup missing/copy.db",
        "database backup " + "x" * 300,
        "database copy nonsense sqlite:///copy.db",
        "serve --host 192.0.2.1",
        "serve --host no.such.host.invalid",
        "serve --host " + "a" * 70,
        "serve --host a..b",
    ],
)
def test_no_operator_gets_the_words_of_a_library(command: str) -> None:
    assert not FOREIGN.search(failed(blog(command, "password\n")))


def test_a_password_that_is_not_text_is_reported_as_such(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blog", "author", "add", "rick", "--password-stdin"]

    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(), input=b"\xffpassword\n", capture_output=True
    )

    assert ended.stderr == b"Error: the password on standard input is not UTF-8\n"


def test_a_password_may_begin_with_the_mark_of_an_editor(tmp_path: Path) -> None:
    add_author(tmp_path, password="\ufeffpassword")
    with serve(tmp_path) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
        connection.request("GET", "/", headers={"Authorization": "Basic cmljazpwYXNzd29yZA=="})
        assert connection.getresponse().status == 200
        connection.close()


def test_no_standard_input_has_no_password(
    tmp_path: Path,
) -> None:
    program = "import sys; sys.stdin = None; from blog.cli import main; main()"
    command = [sys.executable, "-c", program, "author", "add", "rick", "--password-stdin"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)

    assert ended.stderr == "Error: a password must have 8 to 1024 characters, not 0\n"


@pytest.mark.parametrize("command", ["add rick", "passwd rick"])
def test_a_prompt_without_a_terminal_names_the_other_way(command: str, tmp_path: Path) -> None:
    add_author(tmp_path)

    ended = subprocess.run(
        [sys.executable, "-m", "blog", "author", *command.split()],
        cwd=tmp_path,
        env=environment(),
        input="password\npassword\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=TIMEOUT,
    )

    assert ended.returncode == 1
    assert ended.stderr.endswith(
        "Error: the password can't be asked for without a terminal: use --password-stdin\n"
    )


def test_the_server_knows_two_statuses_by_their_older_names(tmp_path: Path) -> None:
    add_author(tmp_path)
    credentials = {"Authorization": "Basic cmljazpwYXNzd29yZA==", "Content-Type": JSON}
    asked: list[tuple[str, str, bytes | None, dict[str, str]]] = [
        ("GET", "/nowhere", None, {}),
        ("DELETE", "/", None, {}),
        ("GET", "/?limit=1", None, {}),
        ("GET", "/", None, {"Accept": "image/png"}),
        ("POST", "/post", b"{}", {}),
        ("POST", "/post", b"x", {"Content-Type": "text/plain"}),
        ("GET", "/", None, {"Authorization": "Basic !"}),
        ("GET", f"/{'a' * 9000}", None, {}),
        ("GET", "/", None, {"X-Long": "a" * 40_000}),
        ("POST", "/post", b"{}", credentials),
        ("POST", "/post", b" " * 2000, credentials),
    ]
    with serve(tmp_path, env={"BLOG_MAX_BODY": "1024"}) as server:
        said = dict(phrases(server.port, *request) for request in asked)

    assert {name: line for name, line in said.items() if name != line} == {
        "413 Content Too Large": "413 Payload Too Large",
        "422 Unprocessable Content": "422 Unprocessable Entity",
    }
    assert len(said) == 10


def phrases(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[str, str]:
    """The title in the problem, and the reason phrase in the status line."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    problem = json.loads(response.read())
    connection.close()
    return f"{problem['status']} {problem['title']}", f"{response.status} {response.reason}"

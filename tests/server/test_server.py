"""How the server starts, logs and stops."""

from __future__ import annotations

import http.client
import json
import re
import resource
import signal
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from scripts.benchmark.processes import resident_bytes
from tests.servers.serving import (
    TIMEOUT,
    Server,
    add_author,
    eventually,
    free_port,
    run_blog,
    serve,
    start,
    wait_until_it_serves,
)

POST = {"title": "First!", "body": "First post!"}
# Takes most of a second to render: longer than an idle server takes to stop.
LONG_POST = {"title": "Long", "body": "* see [this](https://example.org)\n" * 8000}
RICK = ("rick", "password")


@pytest.fixture
def env(empty_url: str) -> dict[str, str]:
    """The settings of a server, with a database of either kind."""
    return {"BLOG_DATABASE_URL": empty_url}


def begin_post(server: Server, body: bytes) -> socket.socket:
    """Send the head of a POST, and return the connection when the server reads the body."""
    head = (
        "POST /post HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Basic {b64encode(':'.join(RICK).encode()).decode()}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Expect: 100-continue",
    )
    connection = server.connect()
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    return connection


def refuses_connections(server: Server) -> bool:
    """Whether the server has stopped listening."""
    try:
        server.connect().close()
    except ConnectionError:
        return True
    return False


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_progress_is_finished_before_the_server_stops(
    number: signal.Signals, tmp_path: Path
) -> None:
    add_author(tmp_path)
    body = json.dumps(LONG_POST).encode()
    with start(tmp_path, "--workers", "2") as server:
        wait_until_it_serves(server)
        with begin_post(server, body) as connection:
            server.process.send_signal(number)
            eventually(lambda: refuses_connections(server), server.stderr_text)
            connection.sendall(body)
            with http.client.HTTPResponse(connection) as response:
                response.begin()
                created = json.load(response)

        assert (response.status, created["body"]) == (201, LONG_POST["body"])
        assert server.process.wait(TIMEOUT) == 0, server.stderr_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_exits_with_status_0(number: signal.Signals, tmp_path: Path) -> None:
    with start(tmp_path, "--workers", "2") as server:
        wait_until_it_serves(server)

        status = server.stop(number)

        assert status == 0
        assert "Traceback" not in server.stderr_text()


def test_a_post_is_there_after_a_restart(tmp_path: Path) -> None:
    add_author(tmp_path)
    with serve(tmp_path) as server:
        requests.post(f"{server.url}/post", json=POST, auth=RICK).raise_for_status()

    with serve(tmp_path) as server:
        listed = requests.get(f"{server.url}/post").json()

    assert [post["title"] for post in listed["data"]] == ["First!"]


@pytest.mark.long
def test_a_cursor_is_valid_after_a_restart(tmp_path: Path, env: dict[str, str]) -> None:
    add_author(tmp_path, env=env)
    with serve(tmp_path, env=env) as server:
        for _ in range(2):
            requests.post(f"{server.url}/post", json=POST, auth=RICK).raise_for_status()
        next_url = requests.get(f"{server.url}/post?limit=1").json()["_links"]["next"]
        query = next_url.removeprefix(server.url)

    with serve(tmp_path, env=env) as server:
        response = requests.get(f"{server.url}{query}")

    assert response.status_code == 200, response.text
    assert len(response.json()["data"]) == 1


def test_port_in_use_is_one_line_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = str(occupant.getsockname()[1])

        ended = run_blog(tmp_path, "serve", "--port", port)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"Error: can't listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another with --host or --port\n"
    )


def test_port_of_another_blog_is_not_shared(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        ended = run_blog(tmp_path, "serve", "--port", str(server.port))

    assert ended.returncode == 1
    assert "Address already in use" in ended.stderr


def test_foreign_address_is_one_line_and_status_1(tmp_path: Path) -> None:
    ended = run_blog(tmp_path, "serve", "--host", "192.0.2.1")

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: can't listen on 192.0.2.1 port 5000: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"BLOG_TITEL": "My blog"}, "BLOG_TITEL"),
        ({"BLOG_THREADS": "many"}, "BLOG_THREADS: 'many'"),
        ({"BLOG_DATABASE_URL": "sqlite:///missing/blog.db"}, "missing/blog.db"),
    ],
)
def test_unusable_setting_stops_the_start(
    settings: dict[str, str], expected: str, tmp_path: Path
) -> None:
    ended = run_blog(tmp_path, "serve", env={"BLOG_PORT": str(free_port()), **settings})

    assert ended.returncode == 1
    assert expected in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_first_start_prints_the_password_of_an_editor(tmp_path: Path, env: dict[str, str]) -> None:
    with serve(tmp_path, env={**env, "LOGNAME": "ann"}) as server:
        credentials = server.first_accounts()
        response = requests.post(f"{server.url}/post", json=POST, auth=credentials[0])

    assert [name for name, _ in credentials] == ["ann"]
    assert response.status_code == 201
    assert run_blog(tmp_path, "author", "list", env=env).stdout == "ann\teditor\n"


def test_the_first_author_is_editor_if_the_system_user_has_no_valid_name(
    tmp_path: Path,
) -> None:
    with serve(tmp_path, env={"LOGNAME": "DOMAIN:ann"}) as server:
        names = [name for name, _ in server.first_accounts()]

    assert names == ["editor"]


@pytest.mark.long
def test_second_start_prints_no_password(tmp_path: Path, env: dict[str, str]) -> None:
    with serve(tmp_path, env=env):
        pass
    with serve(tmp_path, env=env) as server:
        printed = server.stdout_text()

    assert printed == ""


def test_generated_password_is_not_logged(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        [(_, password)] = server.first_accounts()
        logged = server.stderr_text()

    assert password not in logged


@pytest.mark.long
def test_several_first_starts_at_once_make_one_author(tmp_path: Path, env: dict[str, str]) -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(start(tmp_path, "--workers", "1", env={**env, "LOGNAME": "ann"}))
            for _ in range(4)
        ]
        for server in servers:
            wait_until_it_serves(server)
        printed = [found for server in servers for found in server.first_accounts()]
        responses = [
            requests.post(f"{server.url}/post", json=POST, auth=printed[0]) for server in servers
        ]
        listed = requests.get(f"{servers[0].url}/post").json()["data"]

        assert len(printed) == 1
        assert [response.status_code for response in responses] == [201, 201, 201, 201]
        assert len(listed) == 4


def test_every_request_is_one_line_of_the_log(tmp_path: Path) -> None:
    add_author(tmp_path)
    with serve(tmp_path) as server:
        before = len(server.requests())
        requests.get(f"{server.url}/post?limit=5")
        requests.post(f"{server.url}/post", json=POST, auth=RICK)
        requests.get(f"{server.url}/no%0Asuch")
        lines = server.requests()[before:]

    assert [(line.get("author"), line["message"]) for line in lines] == [
        (None, "GET /post?limit=5 200"),
        ("rick", "POST /post 201"),
        (None, "GET /no%0Asuch 404"),
    ]
    assert {line["address"] for line in lines} == {"127.0.0.1"}


def test_the_log_can_be_text(tmp_path: Path) -> None:
    with serve(tmp_path, env={"BLOG_LOG_FORMAT": "text"}) as server:
        requests.get(f"{server.url}/post?limit=5")
        last = server.stderr_text().splitlines()[-1]

    start = r"\S+ INFO blog.access [0-9a-f]{16} 127.0.0.1 - "
    assert re.fullmatch(start + r'"GET /post\?limit=5" 200 \d+ \d+\.\dms', last)


def test_log_names_address_workers_and_database_at_the_start(tmp_path: Path) -> None:
    with serve(tmp_path, "--workers", "2") as server:
        first = server.log()[0]
        workers = server.workers()

    database = str(tmp_path / "blog.db")
    assert first["message"] == (
        f"serving {server.url}/ with 2 workers from the database {database!r}"
    )
    assert len(workers) == 2


@pytest.mark.long
def test_a_backup_while_serving_has_every_acknowledged_post(tmp_path: Path) -> None:
    add_author(tmp_path)
    with serve(tmp_path) as server:
        for _ in range(3):
            requests.post(f"{server.url}/post", json=POST, auth=RICK).raise_for_status()
        made = run_blog(tmp_path, "database", "backup", "copy.db")

    env = {"BLOG_DATABASE_URL": "sqlite:///copy.db"}
    with serve(tmp_path, env=env) as server:
        listed = requests.get(f"{server.url}/post").json()["data"]
    assert made.returncode == 0, made.stderr
    assert len(listed) == 3


def open_files(pid: int) -> int:
    """The limit of open files of a process."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    return int(re.findall(r"Max open files +(\d+)", limits)[0])


def test_a_worker_gets_the_hard_limit_of_open_files(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with serve(tmp_path) as server:
            allowed = [open_files(worker) for worker in server.workers()]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert allowed == [hard]


def test_a_worker_returns_the_memory_that_hashing_takes(tmp_path: Path) -> None:
    add_author(tmp_path, *RICK)

    def sign_in(number: int) -> int:
        """Sign in from a new address, so that the password is hashed."""
        sender = {"X-Forwarded-For": f"192.0.2.{number}"}
        url = f"{server.url}/post"
        return requests.get(url, auth=RICK, headers=sender, timeout=TIMEOUT).status_code

    with (
        serve(tmp_path, env={"BLOG_TRUSTED_PROXIES": "1"}) as server,
        ThreadPoolExecutor(4) as pool,
    ):
        [worker] = server.workers()
        first, before = sign_in(0), resident_bytes(worker)
        others = set(pool.map(sign_in, range(1, 40)))

        assert {first, *others} == {200}
        assert resident_bytes(worker) - before < 16 * 1024 * 1024

"""What is said of a setting that can't be used: in our own words, and with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from blog.settings import read_settings
from tests.commands import blog, failed
from tests.misconfiguration import refused
from tests.servers.serving import free_port, run_blog, start, wait_until_it_serves

HOST = "a host name or an address, such as blog.example.org or [::1]:80"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("BLOG_THREADS", "many", "must be a whole number"),
        ("BLOG_THREADS", "9" * 5000, "must be a whole number"),
        ("BLOG_THREADS", "0", "must be at least 1"),
        ("BLOG_THREADS", "65", "must be at most 64"),
        ("BLOG_QUEUE_TIMEOUT", "soon", "must be a number"),
        ("BLOG_QUEUE_TIMEOUT", "nan", "must be at most 600.0"),
        ("BLOG_METRICS", "perhaps", "must be 1 or 0"),
        ("BLOG_MAX_BODY", "huge", "must be a size, such as 8388608 or 8MiB"),
        ("BLOG_MAX_BODY", "8 apples", "must be a size, such as 8388608 or 8MiB"),
        ("BLOG_LOG_FORMAT", "xml", "must be 'auto', 'json' or 'text'"),
        ("BLOG_SECRET_KEY", "short", "must have at least 16 characters"),
        (
            "BLOG_BASE_URL",
            "http://[::1",
            "must have a valid host and port, and no user name or password",
        ),
        (
            "BLOG_BASE_URL",
            "http://a:port",
            "must have a valid host and port, and no user name or password",
        ),
        ("BLOG_ALLOWED_HOSTS", "a:65536", f"must be {HOST}"),
        ("BLOG_EMBED_HOSTS", "*.example.org", "must be a host name, such as maps.example.org"),
        (
            "BLOG_RATE_LIMIT_URL",
            "redis://localhost?colour=blue",
            "the Redis URL has an option that can't be used",
        ),
    ],
)
def test_the_reason_is_in_our_own_words(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(monkeypatch, **{name: value}).endswith(f" is invalid: {reason}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLOG_PORT", "tcp://10.0.0.7:80"),
        ("BLOG_SERVICE_HOST", "10.0.0.7"),
        ("BLOG_SERVICE_PORT_HTTP", "80"),
        ("BLOG_PORT_80_TCP_ADDR", "10.0.0.7"),
    ],
)
def test_what_kubernetes_sets_is_reported_as_such(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refused(monkeypatch, **{name: value})

    assert message.startswith(name)
    assert "set `enableServiceLinks: false`" in message


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("/var/lib/blog.db", "sqlite:////var/lib/blog.db"),
        ("blog.db", "sqlite:///blog.db"),
        ("./data/blog.db", "sqlite:///./data/blog.db"),
        ("~/blog.db", f"sqlite:///{Path.home()}/blog.db"),
        ("C:\\blog.db", "sqlite:///C:\\blog.db"),
        ("C:/blog.db", "sqlite:///C:/blog.db"),
        ("sqlite:blog.db", "sqlite:///blog.db"),
        ("sqlite:/var/lib/blog.db", "sqlite:////var/lib/blog.db"),
        ("sqlite://blog.db", "sqlite:///blog.db"),
        ("sqlite://var/lib/blog.db", "sqlite:///var/lib/blog.db"),
        ("sqlite:///blog.db?mode=ro", "sqlite:///blog.db"),
        ("sqlite:////blog.db?mode=ro", "sqlite:////blog.db"),
        ("SQLite:///blog.db", "sqlite:///blog.db"),
        ("sqlite3:///blog.db", "sqlite:///blog.db"),
        ("file:/var/lib/blog.db", "sqlite:////var/lib/blog.db"),
        ("file:///var/lib/blog.db", "sqlite:////var/lib/blog.db"),
    ],
)
def test_a_file_in_the_place_of_a_url_is_met_with_the_url(
    value: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(monkeypatch, BLOG_DATABASE_URL=value).endswith(f"; did you mean {meant}?")


@pytest.mark.parametrize(
    "value",
    ["", " ", "/", "sqlite://", "sqlite:///:memory:", ":memory:", "mysql://localhost/blog"],
)
def test_what_can_be_no_file_is_met_with_no_question(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "did you mean" not in refused(monkeypatch, BLOG_DATABASE_URL=value)


@pytest.mark.parametrize("value", ["me:s3cret@example.org/blog", "sqlite://me:s3cret@host/blog"])
def test_a_password_in_what_is_no_url_is_not_said_again(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "s3cret" not in refused(monkeypatch, BLOG_DATABASE_URL=value)


def test_a_path_to_copy_to_is_met_with_the_url(tmp_path: Path) -> None:
    message = failed(blog(f"database copy sqlite:///{tmp_path}/blog.db {tmp_path}/copy.db"))

    assert message.endswith(f"; did you mean sqlite:///{tmp_path}/copy.db?")


def test_the_server_is_where_the_settings_say(tmp_path: Path) -> None:
    env = {"BLOG_HOST": "localhost", "BLOG_PORT": "1", "BLOG_WORKERS": "2"}
    with start(tmp_path, env=env) as server:
        wait_until_it_serves(server)

        # The port is an option of every server under test, and wins.
        assert f"127.0.0.1:{server.port}/ with 2 workers" in server.log()[0]["message"]


def test_options_win_over_settings(tmp_path: Path) -> None:
    env = {"BLOG_HOST": "192.0.2.1", "BLOG_WORKERS": "3"}
    with start(tmp_path, "--host", "127.0.0.1", "--workers", "1", env=env) as server:
        wait_until_it_serves(server)

        assert f"127.0.0.1:{server.port}/ with 1 workers" in server.log()[0]["message"]


def test_the_port_of_the_settings_is_listened_on(tmp_path: Path) -> None:
    port = str(free_port())

    ended = run_blog(tmp_path, "serve", env={"BLOG_HOST": "192.0.2.1", "BLOG_PORT": port})

    assert ended.stderr.startswith(f"Error: can't listen on 192.0.2.1 port {port}: ")


@pytest.mark.parametrize("env", [{"BLOG_HOST": ""}, {}])
def test_an_empty_host_is_not_every_host(env: dict[str, str], tmp_path: Path) -> None:
    options = [] if env else ["--host", ""]

    ended = run_blog(tmp_path, "serve", *options, env=env)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: no host to listen on: ")


def test_where_to_listen_is_shown_with_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_PORT", "8080")

    assert "BLOG_PORT=8080\n    (environment) " in blog("settings").stdout
    assert read_settings().port == 8080

"""Settings: what they are without a word, how they are read, and how a wrong one is told."""

from __future__ import annotations

import pytest

from blog.content.sites import EMBED_HOSTS
from blog.settings import Settings, read_settings, show
from tests.misconfiguration import refused

SECRET = "a key of enough characters"


def test_defaults() -> None:
    settings = read_settings()

    assert settings.model_dump() == {
        "database_url": "sqlite:///blog.db",
        "database_read_url": None,
        "database_connections": None,
        "database_connect_timeout": 2,
        "database_statement_timeout": 4.0,
        "database_lock_timeout": 4.0,
        "sqlite_synchronous": "full",
        "base_url": None,
        "secret_key": None,
        "require_if_match": False,
        "max_body": 8_388_608,
        "host": "127.0.0.1",
        "port": 5000,
        "workers": None,
        "threads": 4,
        "connections": 4096,
        "cache_bytes": 64 * 1024 * 1024,
        "queue_timeout": 5.0,
        "transfer_timeout": 30.0,
        "sign_in_failures": 10,
        "sign_in_window": 300,
        "rate_limit_url": None,
        "trusted_proxies": 0,
        "proxy_header": "x-forwarded",
        "allowed_hosts": (),
        "cors_origins": (),
        "embed_hosts": (),
        "log_format": "auto",
        "metrics": False,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLOG_SQLITE_SYNCHRONOUS", "off"),
        ("BLOG_BASE_URL", ""),
        ("BLOG_BASE_URL", "example.org"),
        ("BLOG_BASE_URL", "ftp://example.org"),
        ("BLOG_BASE_URL", "https://"),
        ("BLOG_BASE_URL", "https://me@example.org"),
        ("BLOG_BASE_URL", "https://example.org/?page=1"),
        ("BLOG_BASE_URL", "https://example.org/?"),
        ("BLOG_BASE_URL", "https://example.org/#top"),
        ("BLOG_BASE_URL", "https://exa mple.org"),
        ("BLOG_BASE_URL", "https://example.org\n"),
        ("BLOG_BASE_URL", "https://exämple.org"),
        ("BLOG_BASE_URL", "http://[::1"),
        ("BLOG_LOG_FORMAT", "xml"),
        ("BLOG_METRICS", "perhaps"),
        ("BLOG_REQUIRE_IF_MATCH", ""),
        ("BLOG_REQUIRE_IF_MATCH", "perhaps"),
        ("BLOG_REQUIRE_IF_MATCH", "2"),
        ("BLOG_MAX_BODY", "huge"),
        ("BLOG_MAX_BODY", "1023"),
        ("BLOG_MAX_BODY", "-1"),
        ("BLOG_MAX_BODY", "8 apples"),
        ("BLOG_THREADS", ""),
        ("BLOG_THREADS", "0"),
        ("BLOG_THREADS", "65"),
        ("BLOG_THREADS", "1.5"),
        ("BLOG_THREADS", "many"),
        ("BLOG_CONNECTIONS", "15"),
        ("BLOG_PORT", "0"),
        ("BLOG_PORT", "65536"),
        ("BLOG_PORT", "http"),
        ("BLOG_WORKERS", "0"),
        ("BLOG_WORKERS", "65"),
        ("BLOG_QUEUE_TIMEOUT", "0"),
        ("BLOG_TRANSFER_TIMEOUT", "0"),
        ("BLOG_SIGN_IN_FAILURES", "0"),
        ("BLOG_SIGN_IN_FAILURES", "1001"),
        ("BLOG_SIGN_IN_FAILURES", "none"),
        ("BLOG_SIGN_IN_WINDOW", "0"),
        ("BLOG_SIGN_IN_WINDOW", "86401"),
        ("BLOG_RATE_LIMIT_URL", ""),
        ("BLOG_RATE_LIMIT_URL", "memory://"),
        ("BLOG_RATE_LIMIT_URL", "redis"),
        ("BLOG_RATE_LIMIT_URL", "redis://"),
        ("BLOG_RATE_LIMIT_URL", "redis://localhost:0"),
        ("BLOG_RATE_LIMIT_URL", "redis://localhost:port"),
        ("BLOG_RATE_LIMIT_URL", "redis+unix://"),
        ("BLOG_RATE_LIMIT_URL", "memcached://localhost:11211"),
        ("BLOG_TRUSTED_PROXIES", "-1"),
        ("BLOG_TRUSTED_PROXIES", "11"),
        ("BLOG_TRUSTED_PROXIES", "127.0.0.1"),
        ("BLOG_PROXY_HEADER", "X-Forwarded"),
        ("BLOG_PROXY_HEADER", ""),
        ("BLOG_ALLOWED_HOSTS", ""),
        ("BLOG_ALLOWED_HOSTS", "*"),
        ("BLOG_ALLOWED_HOSTS", "https://blog.example.org"),
        ("BLOG_ALLOWED_HOSTS", "blog.example.org/"),
        ("BLOG_ALLOWED_HOSTS", "exämple.org"),
        ("BLOG_ALLOWED_HOSTS", "::1"),
        ("BLOG_ALLOWED_HOSTS", "[::::]"),
        ("BLOG_ALLOWED_HOSTS", "blog.example.org:0"),
        ("BLOG_ALLOWED_HOSTS", "blog.example.org:65536"),
        ("BLOG_EMBED_HOSTS", ""),
        ("BLOG_EMBED_HOSTS", "https://maps.example.org"),
        ("BLOG_EMBED_HOSTS", "*.example.org"),
        ("BLOG_CORS_ORIGINS", ""),
        ("BLOG_CORS_ORIGINS", "*"),
        ("BLOG_CORS_ORIGINS", "null"),
        ("BLOG_CORS_ORIGINS", "https://*.example.org"),
        ("BLOG_CORS_ORIGINS", "editor.example.org"),
        ("BLOG_CORS_ORIGINS", "https://editor.example.org/"),
        ("BLOG_CORS_ORIGINS", "https://editor.example.org/posts"),
        ("BLOG_CORS_ORIGINS", "https://Editor.example.org"),
        ("BLOG_CORS_ORIGINS", "https://editor.example.org:443"),
        ("BLOG_CORS_ORIGINS", "ftp://editor.example.org"),
    ],
)
def test_bad_value_is_refused_by_name_and_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refused(monkeypatch, **{name: value})

    assert message.startswith(f"{name}: {value!r} is invalid: ")
    assert "\n" not in message


@pytest.mark.parametrize("value", ["", "s3cret", "fifteen letters"])
def test_bad_secret_key_is_refused_without_being_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refused(monkeypatch, BLOG_SECRET_KEY=value)

    assert message.startswith("BLOG_SECRET_KEY: its value is invalid: ")
    assert not value or value not in message


def test_bad_url_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(monkeypatch, BLOG_BASE_URL="https://me:s3cr:et@p@example.org/?page=1")

    assert "'https://me:***@example.org/?page=1'" in message


def test_every_fault_is_reported_at_once_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(
        monkeypatch, BLOG_THREADS="many", BLOG_MAX_BODY="huge", BLOG_TITEL="Mine", BLOG_A="1"
    )

    assert [line.partition(" ")[0] for line in message.split("\n")] == [
        "BLOG_A",
        "BLOG_TITEL",
        "BLOG_MAX_BODY:",
        "BLOG_THREADS:",
    ]


def test_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(monkeypatch, BLOG_THREADS="9" * 5000)

    assert message.startswith("BLOG_THREADS: '999")
    assert len(message) < 300


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("BLOG_THREAD", "; did you mean 'BLOG_THREADS'?"),
        ("BLOG_DATABASE", "; did you mean 'BLOG_DATABASE_URL'?"),
        ("BLOG_REQUIRE_IFMATCH", "; did you mean 'BLOG_REQUIRE_IF_MATCH'?"),
        ("BLOG_XYZZYXYZZYXYZZY", ""),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(
    name: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refused(monkeypatch, **{name: "1"})

    assert message == f"{name} is not a setting{nearest}"


def test_other_programs_may_have_variables_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOGGER_THREADS", "many")
    monkeypatch.setenv("THREADS", "many")

    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1024", 1024),
        ("2048B", 2048),
        ("2kB", 2000),
        ("1KiB", 1024),
        ("1.5 KiB", 1536),
        ("8mib", 8_388_608),
        ("1MB", 1_000_000),
        ("1GiB", 1_073_741_824),
    ],
)
def test_size_may_have_a_unit(value: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_MAX_BODY", value)

    assert read_settings().max_body == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("true", True), ("yes", True), ("on", True), ("0", False), ("no", False)],
)
def test_switch_is_read_in_words_and_digits(
    value: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_REQUIRE_IF_MATCH", value)

    assert read_settings().require_if_match is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://example.org", "https://example.org"),
        ("https://example.org/", "https://example.org"),
        ("http://example.org:8000/blog//", "http://example.org:8000/blog"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_base_url_has_no_slash_at_its_end(
    value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_BASE_URL", value)

    assert read_settings().base_url == expected


@pytest.mark.parametrize("value", ["12345678901234567890", "null", '{"key": "of a JSON kind"}'])
def test_secret_key_is_text_whatever_it_looks_like(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_SECRET_KEY", value.ljust(16))

    secret_key = read_settings().secret_key

    assert secret_key is not None
    assert secret_key.get_secret_value() == value.ljust(16)


def test_lists_are_written_with_commas_and_shown_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_CORS_ORIGINS", "https://a.example, http://[::1]:3000")
    monkeypatch.setenv("BLOG_ALLOWED_HOSTS", "A.example,[::1]:5000")

    settings = read_settings()

    assert settings.cors_origins == ("https://a.example", "http://[::1]:3000")
    assert settings.allowed_hosts == ("a.example", "[::1]:5000")
    shown = {setting.name: setting.value for setting in show(settings)}
    assert shown["BLOG_CORS_ORIGINS"] == "https://a.example,http://[::1]:3000"


def test_every_fault_in_a_list_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(monkeypatch, BLOG_CORS_ORIGINS="https://a.example,b.example,*")

    assert "BLOG_CORS_ORIGINS: 'b.example' is invalid: " in message
    assert "BLOG_CORS_ORIGINS: '*' is invalid: name each origin " in message


@pytest.mark.parametrize(
    ("base_url", "origin", "host"),
    [
        ("https://Blog.example.org:443/a", "https://blog.example.org", "blog.example.org"),
        ("http://blog.example.org:5000", "http://blog.example.org:5000", "blog.example.org"),
        ("https://[::1]", "https://[::1]", "[::1]"),
    ],
)
def test_the_base_url_says_which_origin_and_host_are_ours(
    base_url: str, origin: str, host: str
) -> None:
    settings = Settings(base_url=base_url)

    assert (settings.origin, settings.hosts) == (origin, {host})


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("Maps.example.org", EMBED_HOSTS | {"maps.example.org"}),
        ("maps.example.org, none", {"maps.example.org"}),
        ("none", set()),
    ],
)
def test_hosts_to_embed_are_added_and_removed(
    value: str, hosts: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_EMBED_HOSTS", value)

    assert read_settings().site.embed_hosts == hosts


@pytest.mark.parametrize("value", ["blog.example.org", "blog.example.org:8443", "a.example"])
def test_own_host_cannot_be_embedded(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(
        monkeypatch,
        BLOG_EMBED_HOSTS=value,
        BLOG_BASE_URL="https://Blog.example.org",
        BLOG_ALLOWED_HOSTS="a.example",
    )

    assert message == f"BLOG_EMBED_HOSTS: {value!r} is invalid: it is a host of this blog"


def test_site_has_the_base_url_as_browsers_write_it() -> None:
    assert Settings().site.base_url is None
    assert Settings(base_url="https://A.example:443/b").site.base_url == "https://a.example/b"


def test_every_setting_is_shown_with_its_meaning() -> None:
    shown = show(Settings())

    assert [setting.name for setting in shown] == [
        "BLOG_DATABASE_URL",
        "BLOG_DATABASE_READ_URL",
        "BLOG_DATABASE_CONNECTIONS",
        "BLOG_DATABASE_CONNECT_TIMEOUT",
        "BLOG_DATABASE_STATEMENT_TIMEOUT",
        "BLOG_DATABASE_LOCK_TIMEOUT",
        "BLOG_SQLITE_SYNCHRONOUS",
        "BLOG_BASE_URL",
        "BLOG_SECRET_KEY",
        "BLOG_REQUIRE_IF_MATCH",
        "BLOG_MAX_BODY",
        "BLOG_HOST",
        "BLOG_PORT",
        "BLOG_WORKERS",
        "BLOG_THREADS",
        "BLOG_CONNECTIONS",
        "BLOG_CACHE_BYTES",
        "BLOG_QUEUE_TIMEOUT",
        "BLOG_TRANSFER_TIMEOUT",
        "BLOG_SIGN_IN_FAILURES",
        "BLOG_SIGN_IN_WINDOW",
        "BLOG_RATE_LIMIT_URL",
        "BLOG_TRUSTED_PROXIES",
        "BLOG_PROXY_HEADER",
        "BLOG_ALLOWED_HOSTS",
        "BLOG_CORS_ORIGINS",
        "BLOG_EMBED_HOSTS",
        "BLOG_LOG_FORMAT",
        "BLOG_METRICS",
    ]
    assert all(setting.help for setting in shown)
    assert {setting.origin for setting in shown} == {"default"}


def test_origin_of_a_set_value_is_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set to what it would be anyway.
    monkeypatch.setenv("BLOG_THREADS", "4")

    origins = {setting.name: setting.origin for setting in show(read_settings())}

    assert origins.pop("BLOG_THREADS") == "environment"
    assert set(origins.values()) == {"default"}


def test_secret_key_is_nowhere_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_SECRET_KEY", SECRET)

    settings = read_settings()

    assert SECRET not in repr(settings)
    assert SECRET not in repr(show(settings))

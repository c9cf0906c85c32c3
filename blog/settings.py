"""The settings: name, type, default and meaning of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from blog.content.sites import EMBED_HOSTS, Site
from blog.database.limits import Limits, Synchronous
from blog.database.urls import read_replica_url, read_url
from blog.errors import DatabaseError, InvalidSetting
from blog.http.request_target import DEFAULT_PORTS, Host, read_host
from blog.setting_faults import COMBINATION, PREFIX, SERVICE_LINKS, mask, sentence, unknown_names
from blog.sign_in.redis import open_redis

Item = TypeVar("Item")


def _split(value: str | Sequence[str]) -> Sequence[str]:
    return [item.strip() for item in value.split(",")] if isinstance(value, str) else value


# Pydantic would read a list as JSON.
Listed = Annotated[tuple[Item, ...], NoDecode, BeforeValidator(_split)]


def _read_host(text: str) -> Host:
    """A host, and a port if there is one. Raises ValueError for what is neither."""
    host = read_host(text)
    if host is None or text.endswith(":") or host.port.startswith("0"):
        raise ValueError("must be a host name or an address, such as blog.example.org or [::1]:80")
    return host


def _host_of(url: str) -> Host:
    """The host of a URL. Raises ValueError where it has none, or has a user name or a password."""
    try:
        return _read_host(urlsplit(url).netloc)
    except ValueError:
        raise ValueError("must have a valid host and port, and no user name or password") from None


def _check_base_url(url: str) -> str:
    _host_of(url)
    # It is copied into links and headers.
    usable = url.isascii() and url.isprintable() and not set(url) & set(' ?#"<>\\^`{|}')
    if not usable or urlsplit(url).scheme not in DEFAULT_PORTS:
        raise ValueError("must be an http or https URL in ASCII, without spaces or a query")
    return url.rstrip("/")


def _check_origin(text: str) -> str:
    if text in ("*", "null"):
        raise ValueError("name each origin whose pages may write")
    scheme, _, rest = text.partition("://")
    host = read_host(rest)
    if host is None or scheme not in DEFAULT_PORTS or host.origin(scheme) != text:
        raise ValueError(
            "must be an origin as browsers write it, such as https://editor.example.org"
        )
    return text


def _check_host(text: str) -> str:
    _read_host(text)
    return text.lower()


def _check_embed_host(text: str) -> str:
    try:
        return _check_host(text)
    except ValueError:
        raise ValueError("must be a host name, such as maps.example.org") from None


def _check_port(value: object) -> object:
    if isinstance(value, str) and "://" in value:
        raise ValueError(f"must be a whole number; {SERVICE_LINKS}")
    return value


def _usable(parse: Callable[[str], object]) -> AfterValidator:
    """A check that ``parse`` accepts a URL."""

    def check(url: str) -> str:
        try:
            parse(url)
        except DatabaseError as error:
            raise ValueError(error) from None
        return url

    return AfterValidator(check)


class Settings(BaseSettings):
    """The settings, each read from the environment variable `BLOG_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: Annotated[str, _usable(read_url)] = Field(
        "sqlite:///blog.db",
        description="the database, as a SQLAlchemy URL: `sqlite:///` and a path relative to the "
        "current directory, or `postgresql+psycopg://`",
    )
    database_read_url: Annotated[str, _usable(read_replica_url)] | None = Field(
        None,
        description="PostgreSQL replicas, which serve reads without credentials",
    )
    database_connections: int | None = Field(
        None,
        ge=1,
        le=128,
        description="database connections per worker process and server; by default as many as "
        "`BLOG_THREADS`",
    )
    database_connect_timeout: int = Field(
        2,
        ge=2,
        le=60,
        description="seconds to wait for a connection to each host of the URL",
    )
    database_statement_timeout: float = Field(
        4.0,
        ge=0.1,
        le=600,
        description="seconds that PostgreSQL may spend on one statement of a request",
    )
    database_lock_timeout: float = Field(
        4.0,
        ge=0.1,
        le=600,
        description="seconds to wait for another write, or for a free connection",
    )
    sqlite_synchronous: Synchronous = Field(
        "full",
        description="durability on power loss: with `full`, no acknowledged write is lost; with "
        "`normal`, the last ones may be, up to 16 MB of SQLite's log, but the "
        "database is never corrupted",
    )
    base_url: Annotated[str, AfterValidator(_check_base_url)] | None = Field(
        None,
        description="the URL that every link begins with; by default the address that the "
        "request was sent to",
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="encrypts cursors and hashes addresses, at least 16 characters; by default "
        "one is generated and stored in the database",
    )
    require_if_match: bool = Field(
        False,
        description="`1` rejects a PUT, PATCH or DELETE without a precondition (428)",
    )
    max_body: ByteSize = Field(
        ByteSize(8 * 1024 * 1024),
        ge=1024,
        description="the largest request body, in bytes or as `8MiB`; the default has room for a "
        "post of 1 MiB with every character escaped",
    )
    host: str = Field(
        "127.0.0.1",
        description="the address to listen on; `--host` overrides it",
    )
    port: Annotated[int, BeforeValidator(_check_port)] = Field(
        5000,
        ge=1,
        le=65535,
        description="the port to listen on; `--port` overrides it",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=64,
        description="the number of worker processes; `--workers` overrides it; by default one "
        "per core, at most 4",
    )
    threads: int = Field(
        4,
        ge=1,
        le=64,
        description="requests that one worker process handles at the same time",
    )
    connections: int = Field(
        4096,
        ge=16,
        le=65536,
        description="client connections per worker process; further ones wait",
    )
    cache_bytes: ByteSize = Field(
        ByteSize(64 * 1024 * 1024),
        ge=0,
        description="the size of the response cache of one worker process, in bytes or as "
        "`64MiB`; `0` disables it",
    )
    queue_timeout: float = Field(
        5.0,
        ge=0.1,
        le=600,
        description="seconds that a request waits for a thread before it is answered with 503",
    )
    transfer_timeout: float = Field(
        30.0,
        ge=0.1,
        le=600,
        description="seconds in which a client has to send its headers, and to send or receive "
        "each MiB of a body",
    )
    sign_in_failures: int = Field(
        10,
        ge=1,
        le=1000,
        description="failed sign-ins, per address and per author, after which further ones are "
        "rejected (429)",
    )
    sign_in_window: int = Field(
        300,
        ge=1,
        le=86400,
        description="seconds for which a failed sign-in counts",
    )
    rate_limit_url: Annotated[str, _usable(open_redis)] | None = Field(
        None,
        description="a Redis server in which failed sign-ins are counted, `redis://`, "
        "`rediss://` or `redis+unix://`; by default they are counted in the database",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="the number of proxies in front whose forwarding headers are trusted",
    )
    proxy_header: Literal["x-forwarded", "forwarded"] = Field(
        "x-forwarded",
        description="the forwarding headers to read: `x-forwarded` for `X-Forwarded-For`, "
        "`-Proto`, `-Host`, `-Port` and `-Prefix`, or `forwarded` for `Forwarded`; "
        "the others are ignored",
    )
    allowed_hosts: Listed[Annotated[str, AfterValidator(_check_host)]] = Field(
        (),
        description="further hosts to serve, separated by commas; a host without a port matches "
        "every port; without this and without `BLOG_BASE_URL`, every host is served",
    )
    cors_origins: Listed[Annotated[str, AfterValidator(_check_origin)]] = Field(
        (),
        description="the origins whose pages may write from a browser, separated by commas, such "
        "as `https://editor.example.org`",
    )

    embed_hosts: Listed[Annotated[str, AfterValidator(_check_embed_host)]] = Field(
        (),
        description="further hosts whose pages posts may embed by `https`, separated by commas, "
        "without wildcards, and none of this blog; `none` removes YouTube, Vimeo, Spotify, "
        "SoundCloud and CodePen",
    )

    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="the format of the log: `json`, one object per line; `text`, for people; or "
        "`auto`, text on a terminal and JSON otherwise",
    )
    metrics: bool = Field(
        False,
        description="`1` serves metrics for Prometheus at `/metrics`, without credentials",
    )

    @model_validator(mode="after")
    def _check_replicas(self) -> Self:
        """Only PostgreSQL has replicas."""
        if self.database_read_url and self.database_url.startswith("sqlite"):
            raise PydanticCustomError(
                COMBINATION,
                f"{PREFIX}DATABASE_READ_URL needs a PostgreSQL database in {PREFIX}DATABASE_URL",
            )
        return self

    @model_validator(mode="after")
    def _check_embed_hosts(self) -> Self:
        """An embedded page of the blog's own could leave its sandbox."""
        for host in self.embed_hosts:
            if {host, _read_host(host).name.lower()} & self.hosts:
                raise PydanticCustomError(
                    COMBINATION,
                    f"{PREFIX}EMBED_HOSTS: {host!r} is invalid: it is a host of this blog",
                )
        return self

    @property
    def site(self) -> Site:
        """What the settings say about the addresses in posts."""
        usual = frozenset() if "none" in self.embed_hosts else EMBED_HOSTS
        path = urlsplit(self.base_url or "").path
        return Site(
            base_url=self.origin and f"{self.origin}{path}",
            embed_hosts=usual | set(self.embed_hosts) - {"none"},
        )

    @property
    def limits(self) -> Limits:
        """The limits of one process when it uses the database."""
        return Limits(
            connections=self.database_connections or self.threads,
            connect=self.database_connect_timeout,
            statement=self.database_statement_timeout,
            lock=self.database_lock_timeout,
            synchronous=self.sqlite_synchronous,
        )

    @property
    def origin(self) -> str | None:
        """The origin of the base URL, if that is set."""
        url = self.base_url
        return _host_of(url).origin(urlsplit(url).scheme) if url else None

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts to serve; empty for every host."""
        own = [_host_of(self.base_url).name.lower()] if self.base_url else []
        return frozenset([*own, *self.allowed_hosts])


class Shown(NamedTuple):
    """A setting for display, without secrets."""

    name: str
    value: str
    origin: str
    help: str


def names() -> Sequence[str]:
    """The environment variables of all settings."""
    return [PREFIX + field.upper() for field in Settings.model_fields]


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises InvalidSetting with all errors, each in a line with name and value.
    """
    faults = unknown_names(names())
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [
            sentence(fault, secret=_is_secret(fault["loc"]))
            for fault in error.errors(include_url=False)
        ]
    if faults:
        raise InvalidSetting("\n".join(faults))
    return settings


def _is_secret(location: Sequence[str | int]) -> bool:
    """Whether the value of the setting at this location is secret."""
    field = Settings.model_fields.get(str(location[0])) if location else None
    return field is not None and field.annotation == SecretStr | None


def show(settings: Settings) -> list[Shown]:
    """Every setting, its value with secrets masked, and where it comes from."""
    return [
        Shown(
            name=PREFIX + field.upper(),
            value=mask(getattr(settings, field)),
            origin="environment" if field in settings.model_fields_set else "default",
            help=info.description or "",
        )
        for field, info in Settings.model_fields.items()
    ]

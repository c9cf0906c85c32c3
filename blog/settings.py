"""Every setting once, as data: its name, type, default and meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ByteSize, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from blog.content.validation import nearest
from blog.errors import DatabaseError, InvalidSetting
from blog.storage.connections import Limits
from blog.storage.engine import read_replica_url, read_url

PREFIX = "BLOG_"


def _check_base_url(url: str) -> str:
    # It goes into links and headers as it is.
    usable = url.isascii() and url.isprintable() and not set(url) & set(' ?#"<>\\^`{|}')
    parts = urlsplit(url)
    # To read the port is to check it.
    usable = usable and parts.port != 0 and bool(parts.hostname)
    if not usable or parts.scheme not in ("http", "https"):
        raise ValueError("must be an http or https URL in ASCII, without spaces or a query")
    return url.rstrip("/")


def _usable(parse: Callable[[str], object]) -> AfterValidator:
    """A check that the storage can use a URL."""

    def check(url: str) -> str:
        try:
            parse(url)
        except DatabaseError as error:
            raise ValueError(error) from None
        return url

    return AfterValidator(check)


class Settings(BaseSettings):
    """The settings, each read from the environment variable BLOG_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: Annotated[str, _usable(read_url)] = Field(
        "sqlite:///blog.db",
        description="where everything is kept, as an SQLAlchemy URL: `sqlite:///` and a path, "
        "relative to the current directory, or `postgresql+psycopg://`",
    )
    database_read_url: Annotated[str, _usable(read_replica_url)] | None = Field(
        None,
        description="replicas of a PostgreSQL database, which serve what anyone may read",
    )
    database_connections: int | None = Field(
        None,
        ge=1,
        le=128,
        description="how many connections to each server one worker process keeps; without it, "
        "as many as it has threads",
    )
    database_connect_timeout: int = Field(
        2,
        ge=2,
        le=60,
        description="how many seconds to wait for a connection to a host of the URL",
    )
    database_statement_timeout: float = Field(
        4.0,
        ge=0.1,
        le=600,
        description="how many seconds PostgreSQL may work at one statement of a request",
    )
    database_lock_timeout: float = Field(
        4.0,
        ge=0.1,
        le=600,
        description="how many seconds to wait for another write, or for a free connection",
    )
    base_url: Annotated[str, AfterValidator(_check_base_url)] | None = Field(
        None,
        description="what every link begins with; without it, what the request was sent to",
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="signs cursors, 16 characters or more; without it, one is made and kept in "
        "the database",
    )
    require_if_match: bool = Field(
        False,
        description="`1` refuses a PUT, PATCH or DELETE without a precondition (428)",
    )
    max_body: ByteSize = Field(
        ByteSize(8 * 1024 * 1024),
        ge=1024,
        description="the largest request body, in bytes or as `8MiB`, which has room for a "
        "post of 1 MiB with every character escaped",
    )
    threads: int = Field(
        4, ge=1, le=64, description="how many requests one worker process serves at once"
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="how many proxies in front set `X-Forwarded-For`, `-Proto`, `-Host` "
        "and `-Prefix`",
    )

    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="how the log is written: `json`, an object a line; `text`, for people; or "
        "`auto`, text on a terminal and else JSON",
    )
    metrics: bool = Field(
        False, description="`1` serves what Prometheus collects, to anyone, at `/metrics`"
    )

    @model_validator(mode="after")
    def _check_replicas(self) -> Self:
        """Replicas are of the same kind as what they follow."""
        if self.database_read_url and self.database_url.startswith("sqlite"):
            raise InvalidSetting(
                f"{PREFIX}DATABASE_READ_URL needs a PostgreSQL database in {PREFIX}DATABASE_URL"
            )
        return self

    @property
    def limits(self) -> Limits:
        """How much of the database a process may take."""
        return Limits(
            connections=self.database_connections or self.threads,
            connect=self.database_connect_timeout,
            statement=self.database_statement_timeout,
            lock=self.database_lock_timeout,
        )


class Shown(NamedTuple):
    """A setting as it may be shown."""

    name: str
    value: str
    origin: str
    help: str


def names() -> Sequence[str]:
    """The environment variables that are settings."""
    return [PREFIX + field.upper() for field in Settings.model_fields]


def read_settings() -> Settings:
    """Read the settings from the environment. Raises InvalidSetting, naming key and value."""
    known = names()
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name not in known:
            raise InvalidSetting(f"{name} is not a setting{nearest(name.upper(), known)}")
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSetting("; ".join(_sentences(error))) from None


def show(settings: Settings) -> list[Shown]:
    """Every setting, its value with secrets masked, and where it came from."""
    return [
        Shown(
            name=PREFIX + field.upper(),
            value=mask(getattr(settings, field)),
            origin="environment" if field in settings.model_fields_set else "default",
            help=info.description or "",
        )
        for field, info in Settings.model_fields.items()
    ]


def mask(value: object) -> str:
    """A value as text, without a secret: a password in a URL is one too."""
    text = "" if value is None else str(value)
    text = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)
    return re.sub(r"(?<=password=)[^&]*", "***", text)


def _reason(fault: ErrorDetails) -> str:
    reason = fault["msg"].removeprefix("Value error, ")
    return reason.replace("items after validation", "characters")


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for fault in error.errors(include_url=False):
        name = str(fault["loc"][0])
        secret = Settings.model_fields[name].annotation == SecretStr | None
        shown = "its value" if secret else f"{mask(fault['input'])!r:.100}"
        sentences.append(f"{PREFIX}{name.upper()}: {shown} can't be used: {_reason(fault)}")
    return sentences

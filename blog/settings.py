"""Every setting once, as data: its name, type, default and meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, ByteSize, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from blog.content.validation import nearest
from blog.errors import DatabaseError, InvalidSetting
from blog.storage.engine import read_path

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


def _check_database_url(url: str) -> str:
    try:
        read_path(url)
    except DatabaseError as error:
        raise ValueError(error) from None
    return url


class Settings(BaseSettings):
    """The settings, each read from the environment variable BLOG_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: Annotated[str, AfterValidator(_check_database_url)] = Field(
        "sqlite:///blog.db",
        description="where everything is kept, as an SQLAlchemy URL; "
        "a relative path begins in the current directory",
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
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)


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

"""Authors: their accounts, which may write, and their public profiles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from unicodedata import category, normalize
from urllib.parse import urlsplit

from pydantic import AfterValidator, HttpUrl, TypeAdapter

from blog.content.texts import is_visible, one_line, several_lines
from blog.content.tokens import PREFIX, is_token
from blog.content.validation import RULES, Written
from blog.errors import AccountError

Role = Literal["author", "editor"]

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
LONGEST_NAME = 64
_HTTP_URL = TypeAdapter(HttpUrl)
_NAME = re.compile(r"\w[\w.+@-]*")


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified author who makes a request; None for a request without credentials.

    The access token is not part of the identity, nor of the representation: a cursor belongs to an
    author in a role, and a digest must not be logged.
    """

    name: str
    role: Role
    # Of the access token; None for a password.
    token_digest: str | None = field(default=None, repr=False)
    may_write: bool = field(default=True, repr=False)


def _check_url(url: str) -> str:
    try:
        _HTTP_URL.validate_python(url)
        named = bool(urlsplit(url).hostname)
    except ValueError:
        named = False
    if not named:
        raise ValueError(f"must be an http or https address, not {url!r:.60}")
    return url


class Profile(Written):
    """The fields of a profile that its owner writes; an omitted one gets its default."""

    model_config = RULES

    display_name: Annotated[str, AfterValidator(one_line(1, 100))] | None = None
    bio: Annotated[str, AfterValidator(several_lines(1000))] | None = None
    url: Annotated[str, AfterValidator(one_line(1, 2000)), AfterValidator(_check_url)] | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """An author's profile as it is stored, and whether the caller may change it."""

    name: str
    version: int
    display_name: str | None
    bio: str | None
    url: str | None
    previous_date: datetime | None
    updated_date: datetime
    editable: bool


# The fields of a profile by the names that clients know, and as attributes of an `Author`.
CLIENT_FIELDS = {"displayName": "display_name", "bio": "bio", "url": "url"}
SERVER_FIELDS = {"name": "name", "updatedDate": "updated_date"}
FIELDS = {"name": "name", **CLIENT_FIELDS, "updatedDate": "updated_date"}


def fold_name(name: str) -> str:
    """The form of a name in which no two authors may have the same."""
    return normalize("NFKC", name).casefold()


def check_name(name: str) -> str:
    """The name of a new author, in NFC.

    Raises AccountError unless it has 1 to 64 letters, digits and ``_ . + @ -`` and starts with
    one of the first three. A colon can't be sent by Basic authentication (RFC 7617 section 2).
    """
    name = normalize("NFC", name)
    shown = _NAME.fullmatch(name) is not None and all(map(is_visible, name))
    if len(name) > LONGEST_NAME or not shown:
        raise AccountError(
            f"{name!r:.80} can't be a name: 1 to {LONGEST_NAME} letters, digits, "
            f"'_', '.', '+', '@' and '-', the first a letter, a digit or '_'"
        )
    return name


def check_password(password: str) -> str:
    """A new password, in NFC, in which passwords are compared (RFC 7617 section 2.1).

    Raises AccountError for one that is too short, too long, can't be sent by Basic
    authentication, or looks like an access token.
    """
    password = normalize("NFC", password)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(
            f"a password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, "
            f"not {len(password)}"
        )
    if any(category(character) in ("Cc", "Cs") for character in password):
        raise AccountError("a password must not contain control characters or lone surrogates")
    if is_token(password):
        raise AccountError(
            f"a password must not begin with {PREFIX!r}: it would be mistaken for an access token"
        )
    return password

"""Another source of identities, such as LDAP: the function to write, and the accounts it opens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, get_args

from blog.content.authors import Role
from blog.content.tokens import is_token
from blog.database.session import Session
from blog.errors import AccountError, AuthenticatorUnavailable
from blog.storage import accounts
from blog.storage.accounts import Account

logger = logging.getLogger("blog.auth")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who has signed in: the author's name in the blog, and their role."""

    name: str
    role: Role = "author"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"a name is a str, not {self.name!r:.80}")
        if self.role not in get_args(Role):
            raise ValueError(f"{self.role!r} is no role; the roles are {get_args(Role)}")


# Takes a name and a password, as the client sent them but in NFC; neither is empty. Returns the
# identity, or None if they are wrong. May block, and be called by several threads at a time. Any
# exception means that it is unavailable.
Authenticator: TypeAlias = Callable[[str, str], Identity | None]


class ExternalAccounts:
    """The accounts of authors whose password is verified by an authenticator."""

    def __init__(self, authenticator: Authenticator, now: Callable[[], datetime]) -> None:
        """Take the authenticator, and the clock by which accounts are created."""
        self._authenticator = authenticator
        self._now = now

    def open(self, session: Session, name: str, password: str) -> Account | None:
        """The account of the author with this name and password, created or updated if needed.

        None where they are wrong, or the account can't exist. Raises AuthenticatorUnavailable.
        """
        # An LDAP server accepts a bind without a password (RFC 4513 section 5.1.2).
        if not name or not password or is_token(password):
            return None
        identity = self._identify(name, password)
        if identity is None:
            return None
        try:
            return accounts.open_external(session, identity.name, identity.role, self._now())
        except AccountError as error:
            logger.warning("the authenticator's identity can't be used: %s", error)
            return None

    def _identify(self, name: str, password: str) -> Identity | None:
        try:
            return _check(self._authenticator(name, password))
        except Exception as error:
            logger.error("the authenticator has failed", exc_info=error)
            raise AuthenticatorUnavailable(
                "sign-ins can't be verified at the moment: try again"
            ) from error


def _check(identity: object) -> Identity | None:
    if identity is None or isinstance(identity, Identity):
        return identity
    raise TypeError(f"an authenticator returns an Identity or None, not a {type(identity)}")

"""The sign-in policy: which caller a name with a password or an access token stands for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from blog.content.authors import Caller
from blog.content.tokens import digest, is_token
from blog.database.session import Session
from blog.errors import StorageUnavailable, WrongCredentials
from blog.sign_in.authenticator import ExternalAccounts
from blog.sign_in.passwords import PasswordChecker, hash_password, needs_rehash
from blog.sign_in.throttle import SignIn, Throttle
from blog.storage import accounts, tokens
from blog.storage.accounts import Account
from blog.storage.tokens import VerifiedToken

logger = logging.getLogger("blog.auth")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name, in NFC, and a password or an access token; neither is verified yet."""

    name: str
    password: str


class SignInPolicy:
    """Verifies credentials: access tokens at once, passwords as far as the throttle allows."""

    def __init__(
        self,
        throttle: Throttle,
        now: Callable[[], datetime],
        checker: PasswordChecker,
        external: ExternalAccounts | None = None,
    ) -> None:
        """Take the throttle of failed sign-ins, and the clock by which tokens expire.

        With ``external``, every name without a password in the blog may have an external account.
        """
        self._throttle = throttle
        self._now = now
        self._checker = checker
        self._external = external

    def authenticate(
        self, session: Session, address: str, credentials: Credentials, *, can_wait: bool = True
    ) -> Caller:
        """The caller with these credentials, who signs in from an address.

        Raises WrongCredentials; Throttled after too many failures; TooManySignIns where the sign-in
        would have to wait for others and can't; and AuthenticatorUnavailable.
        """
        # A token that is wrong is a wrong password, and costs and counts as one.
        caller = self._verify_token(session, credentials)
        if caller is None:
            sign_in = self._throttle.begin(credentials.name, address, can_wait)
            account = self._sign_in(session, sign_in, credentials.password)
            caller = account and account.caller
        if caller is None:
            raise WrongCredentials("the credentials are wrong")
        return caller

    def _sign_in(self, session: Session, sign_in: SignIn, password: str) -> Account | None:
        """The account that a sign-in by password opens, None where the password is wrong."""
        known = accounts.find(session, sign_in.name, sign_in.address_key)
        if known and self._remembers(known, password, sign_in):
            return known
        noted = known and known.noted
        account = self._throttle.verify(
            session,
            sign_in,
            noted,
            lambda: self._verify_password(session, known, password, sign_in),
        )
        if account:
            _strengthen(session, account, password)
        return account

    def _remembers(self, account: Account, password: str, sign_in: SignIn) -> bool:
        key, is_open = _cache_key(account), account.password_hash is not None
        return is_open and self._checker.remembers(key, password, sign_in.address_key)

    def _verify_password(
        self, session: Session, known: Account | None, password: str, sign_in: SignIn
    ) -> Account | None:
        """The account that a name and a password open, None where they are wrong.

        ``known`` is the account with that name, if there is one. No connection is held meanwhile.
        """
        stored = known and known.own_hash
        if stored is None and self._external:
            account = self._external.open(session, sign_in.name, password)
            # The authenticator has verified the password for the name that was sent.
            if account and account.name == sign_in.name:
                self._checker.remember(_cache_key(account), password, sign_in.address_key)
            return account
        return known if self._checker.verify(stored, password, sign_in.address_key) else None

    def _verify_token(self, session: Session, credentials: Credentials) -> Caller | None:
        """The caller with this token. Nothing is cached, so that a token is revoked at once."""
        if not is_token(credentials.password):
            return None
        now = self._now()
        token = tokens.find_verified(session, credentials.name, digest(credentials.password), now)
        if token is None:
            return None
        _note_use(session, token, now.date())
        return token.caller


def _cache_key(account: Account) -> str:
    """The key under which the verified password of an account is cached: its hash, or the name."""
    return account.own_hash or f"external {account.name}"


def _note_use(session: Session, token: VerifiedToken, today: date) -> None:
    """Store the day on which a token was last used; where that fails, its next use does."""
    if token.last_used == today or not session.is_on_primary():
        return
    try:
        tokens.note_use(session, token.caller, today)
    except StorageUnavailable as error:
        logger.warning("the use of a token of %r was not noted: %s", token.caller.name, error)


def _strengthen(session: Session, account: Account, password: str) -> None:
    """Rehash a password whose hash has old parameters; where that fails, the next sign-in does."""
    if account.own_hash is None or not needs_rehash(account.own_hash):
        return
    try:
        accounts.rehash(session, account, hash_password(password))
    except StorageUnavailable as error:
        logger.warning("the password of %r was not rehashed: %s", account.name, error)

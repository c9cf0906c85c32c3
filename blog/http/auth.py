"""Who makes a request: HTTP Basic authentication (RFC 7617), the only scheme there is.

An access token stands in the place of the password.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from unicodedata import normalize

from flask_httpauth import HTTPBasicAuth
from werkzeug.datastructures import Authorization
from werkzeug.exceptions import Unauthorized

from blog.content.authors import LONGEST_NAME, LONGEST_PASSWORD, Caller
from blog.content.tokens import digest, is_token
from blog.database.session import Session
from blog.errors import Crowded, StorageUnavailable
from blog.http.request import current_request
from blog.http.wsgi import AGAIN
from blog.sign_in.passwords import PasswordChecker, hash_password, needs_rehash
from blog.sign_in.throttle import SignIn, Throttle
from blog.storage import accounts, tokens
from blog.storage.accounts import Account
from blog.storage.tokens import Grant

logger = logging.getLogger("blog.auth")

# No name and password are longer, however they are composed. To normalize them takes time that
# grows with the square of their length.
_LONGEST = 4 * (LONGEST_NAME + LONGEST_PASSWORD)
CHALLENGE = 'Basic realm="blog", charset="UTF-8"'


class SignInRequired(Unauthorized):
    """Raised for missing credentials where they are needed, and for wrong ones anywhere."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the challenge; Werkzeug's own would leave the realm unquoted."""
        return [*super().get_headers(*args, **kwargs), ("WWW-Authenticate", CHALLENGE)]


class Authenticator(HTTPBasicAuth):
    """The verifier of the application: what a request claims, and whether it is true."""

    def __init__(
        self, throttle: Throttle, now: Callable[[], datetime], checker: PasswordChecker
    ) -> None:
        """Take what holds back those who guess, and the clock by which tokens expire."""
        super().__init__()
        self._throttle = throttle
        self._now = now
        self._checker = checker
        self.verify_password(self._verify)

    def get_auth(self) -> Authorization | None:
        """The credentials of the request, in NFC, or None where there are none that can be read.

        Flask-HTTPAuth would take any scheme and skip over what is not base64.
        """
        scheme, _, encoded = current_request().headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            text, charset = _decode(b64decode(encoded.strip(), validate=True))
        except ValueError:
            return None
        if ":" not in text or "\0" in text or len(text) > _LONGEST:
            return None
        # For whomever they are: how long this takes must not tell who exists.
        name, _, password = normalize("NFC", text).partition(":")
        found: dict[str, str | None] = {"username": name, "password": password, "charset": charset}
        return Authorization("basic", found)

    def identify(self) -> Caller | None:
        """Who makes the request; None for one without credentials.

        Raises SignInRequired for credentials that are wrong, of another scheme, or can't be read:
        Flask-HTTPAuth's own optional mode would take such a caller for an anonymous one. Raises
        Throttled where too many were wrong before.
        """
        if not current_request().is_signed:
            return None
        claim = self.get_auth()
        caller: Caller | None = self.authenticate(claim, None) if claim else None
        if caller is None:
            raise SignInRequired(_refusal(claim))
        return caller

    def _verify(self, name: str, password: str) -> Caller | None:
        # A token that is wrong is a wrong password, and costs and counts as one.
        if is_token(password) and (caller := self._verify_token(name, password)):
            return caller
        request = current_request()
        session = request.session
        sign_in = self._throttle.begin(name, request.remote_addr or "-")
        account = accounts.find(session, sign_in.name, sign_in.address_key)
        stored, noted = (account.password_hash, account.noted) if account else (None, None)
        proof = (password, sign_in.address_key)
        if account and stored and self._checker.remembers(stored, *proof):
            return account.caller
        right = self._judge(sign_in, noted, lambda: self._checker.verify(stored, *proof))
        if account is None or not right:
            return None
        _strengthen(session, account, password)
        return account.caller

    def _judge(self, sign_in: SignIn, noted: datetime | None, is_right: Callable[[], bool]) -> bool:
        """Whether a sign-in is right; whoever passed it on may have to ask again, if they will."""
        request = current_request()
        patient = AGAIN not in request.environ
        try:
            return self._throttle.judge(request.session, sign_in, noted, is_right, patient)
        except Crowded:
            request.environ[AGAIN] = True
            raise

    def _verify_token(self, name: str, secret: str) -> Caller | None:
        """Who has this token; nothing is remembered of it, so that it can be revoked at once."""
        session = current_request().session
        now = self._now()
        grant = tokens.find_grant(session, name, digest(secret), now)
        if grant is None:
            return None
        _note_use(session, grant, now.date())
        return grant.caller


def _decode(credentials: bytes) -> tuple[str, str]:
    """The text of credentials, and its charset.

    The challenge asks for UTF-8 (RFC 7617 section 2.1), and some clients send Latin-1 all the same.
    """
    try:
        return credentials.decode(), "utf-8"
    except UnicodeDecodeError:
        return credentials.decode("latin-1"), "latin-1"


def _refusal(claim: Authorization | None) -> str:
    if claim and claim.parameters["charset"] != "utf-8":
        return "the credentials are wrong; they are not UTF-8, which is expected"
    return "the credentials are wrong"


def _note_use(session: Session, grant: Grant, today: date) -> None:
    """Keep the day on which a token was used last, now or at a next use."""
    if grant.last_used == today or not session.is_on_primary():
        return
    try:
        tokens.note_use(session, grant.caller, today)
    except StorageUnavailable as error:
        logger.warning("the use of a token of %r was not noted: %s", grant.caller.name, error)


def _strengthen(session: Session, account: Account, password: str) -> None:
    """Hash a password anew where the parameters have risen since, now or at a next sign-in."""
    if not needs_rehash(account.password_hash or ""):
        return
    try:
        accounts.rehash(session, account, hash_password(password))
    except StorageUnavailable as error:
        logger.warning("the password of %r was not rehashed: %s", account.name, error)

"""Who makes a request: HTTP Basic authentication (RFC 7617), the only scheme there is."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn
from unicodedata import normalize

from flask import g, request
from flask_httpauth import HTTPBasicAuth
from werkzeug.datastructures import Authorization
from werkzeug.exceptions import Unauthorized

from blog.content.authors import Caller
from blog.errors import StorageUnavailable
from blog.storage import accounts
from blog.storage.accounts import Account
from blog.storage.engine import Session
from blog.storage.passwords import PasswordChecker, hash_password, needs_rehash

logger = logging.getLogger("blog.auth")

CHALLENGE = 'Basic realm="blog", charset="UTF-8"'

Method = Callable[..., Any]


class SignInRequired(Unauthorized):
    """Raised for missing credentials where they are needed, and for wrong ones anywhere."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the challenge; Werkzeug's own would leave the realm unquoted."""
        return [*super().get_headers(*args, **kwargs), ("WWW-Authenticate", CHALLENGE)]


class Authenticator(HTTPBasicAuth):
    """The verifier of the application: what a request claims, and whether it is true."""

    def __init__(self) -> None:
        super().__init__()
        self._checker = PasswordChecker()
        self.verify_password(self._verify)
        self.error_handler(_refuse)

    def get_auth(self) -> Authorization | None:
        """The credentials of the request, or None where there are none that can be read.

        Flask-HTTPAuth would take any scheme and skip over what is not base64.
        """
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            text = b64decode(encoded.strip(), validate=True).decode()
        except ValueError:
            return None
        name, colon, password = text.partition(":")
        return Authorization("basic", {"username": name, "password": password}) if colon else None

    def required(self, method: Method) -> Method:
        """Wrap a method that only a signed-in caller may use."""
        return self.login_required(method)

    def optional(self, method: Method) -> Method:
        """Wrap a method that anyone may use; wrong credentials are refused all the same."""

        @wraps(method)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if self.current_user() is None and "Authorization" in request.headers:
                _refuse(401)
            return method(*args, **kwargs)

        wrapped: Method = self.login_required(optional=True)(checked)
        return wrapped

    def caller(self) -> Caller | None:
        """Who was verified for this request; None for an anonymous one."""
        caller: Caller | None = self.current_user()
        return caller

    def _verify(self, name: str, password: str) -> Caller | None:
        if not name:
            return None
        session: Session = g.session
        account = accounts.find(session, normalize("NFC", name))
        stored = account.password_hash if account else None
        if account is None or stored is None or not self._checker.remembers(stored, password):
            # Hashing takes long; the connection is given back meanwhile.
            session.close()
            if not self._checker.verify(stored, password) or account is None:
                return None
            _strengthen(session, account, password)
        return account.caller


def _strengthen(session: Session, account: Account, password: str) -> None:
    """Hash a password anew where the parameters have risen since, now or at a next sign-in."""
    if not needs_rehash(account.password_hash or ""):
        return
    try:
        accounts.rehash(session, account, hash_password(password))
    except StorageUnavailable as error:
        logger.warning("the password of %r was not rehashed: %s", account.name, error)


def _refuse(_status: int) -> NoReturn:
    detail = "wrong" if "Authorization" in request.headers else "needed and missing"
    raise SignInRequired(f"the credentials are {detail}")

"""HTTP Basic authentication (RFC 7617): reads the Authorization header and sends the challenge.

It is the only scheme. An access token takes the place of the password.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from unicodedata import normalize

from flask_httpauth import HTTPBasicAuth
from werkzeug.datastructures import Authorization
from werkzeug.exceptions import Unauthorized

from blog.content.authors import LONGEST_NAME, LONGEST_PASSWORD, Caller
from blog.errors import TooManySignIns, WrongCredentials
from blog.http.request import current_request
from blog.http.wsgi import RETRY
from blog.sign_in.policy import Credentials, SignInPolicy

# In characters; a name or password may be decomposed. The time to normalize them grows with the
# square of their length.
_LONGEST = 4 * (LONGEST_NAME + LONGEST_PASSWORD)
CHALLENGE = 'Basic realm="blog", charset="UTF-8"'


class SignInRequired(Unauthorized):
    """Raised for missing credentials where they are needed, and for wrong ones anywhere."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the challenge; Werkzeug's own would leave the realm unquoted."""
        return [*super().get_headers(*args, **kwargs), ("WWW-Authenticate", CHALLENGE)]


class BasicAuthentication(HTTPBasicAuth):
    """Identifies the caller of a request by its Authorization header."""

    def __init__(self, policy: SignInPolicy) -> None:
        """Take the policy that verifies the credentials."""
        super().__init__()
        self._policy = policy
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
        # Every name is normalized, known or not: the time must not reveal which exist.
        name, _, password = normalize("NFC", text).partition(":")
        found: dict[str, str | None] = {"username": name, "password": password, "charset": charset}
        return Authorization("basic", found)

    def identify(self) -> Caller | None:
        """The caller of the request; None for one without credentials.

        Raises SignInRequired for credentials that are wrong, of another scheme, or can't be read;
        Flask-HTTPAuth's own optional mode would take such a caller for an anonymous one. Raises
        Throttled and TooManySignIns as the policy does.
        """
        if not current_request().has_credentials:
            return None
        credentials = self.get_auth()
        try:
            caller: Caller | None = self.authenticate(credentials, None) if credentials else None
        except WrongCredentials:
            caller = None
        if caller is None:
            raise SignInRequired(_refusal(credentials))
        return caller

    def _verify(self, name: str, password: str) -> Caller:
        request = current_request()
        address = request.remote_addr or "-"
        try:
            return self._policy.authenticate(
                request.session,
                address,
                Credentials(name, password),
                # The gateway repeats the request instead.
                can_wait=RETRY not in request.environ,
            )
        except TooManySignIns:
            request.environ[RETRY] = True
            raise


def _decode(credentials: bytes) -> tuple[str, str]:
    """The text of credentials, and its charset.

    The challenge asks for UTF-8 (RFC 7617 section 2.1), but some clients send Latin-1.
    """
    try:
        return credentials.decode(), "utf-8"
    except UnicodeDecodeError:
        return credentials.decode("latin-1"), "latin-1"


def _refusal(credentials: Authorization | None) -> str:
    if credentials and credentials.parameters["charset"] != "utf-8":
        return "the credentials are wrong; they are not UTF-8, which is expected"
    return "the credentials are wrong"

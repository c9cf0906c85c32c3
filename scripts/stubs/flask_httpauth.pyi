# What blog/http/auth.py uses of Flask-HTTPAuth, which has no types of its own.

from collections.abc import Callable
from typing import Any, TypeVar

from werkzeug.datastructures import Authorization

_F = TypeVar("_F", bound=Callable[..., Any])

class HTTPBasicAuth:
    def __init__(self, scheme: str | None = None, realm: str | None = None) -> None: ...
    def verify_password(self, f: _F) -> _F: ...
    def get_auth(self) -> Authorization | None: ...
    def authenticate(self, auth: Authorization | None, stored_password: str | None) -> Any: ...

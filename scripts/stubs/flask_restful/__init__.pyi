# What blog/http/api.py uses of Flask-RESTful, which has no types of its own.

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, Response
from flask.views import MethodView

class Resource(MethodView):
    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any: ...

class Api:
    representations: dict[str, Callable[..., Response]]
    def __init__(
        self, app: Flask | None = None, *, default_mediatype: str | None = ...
    ) -> None: ...
    def add_resource(
        self,
        resource: type[Resource],
        *urls: str,
        endpoint: str = ...,
        resource_class_args: Sequence[object] = ...,
    ) -> None: ...
    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any: ...

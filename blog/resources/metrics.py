"""The metrics: what the server has counted of the requests to it."""

from __future__ import annotations

from flask import Response

from blog.http.api import Resource, Services
from blog.http.middleware.metrics import MEDIA_TYPES, RequestMetrics


class Metrics(Resource):
    """The counts of all worker processes, as Prometheus collects them."""

    any_host = True
    cacheable = False

    def __init__(self, services: Services, metrics: RequestMetrics) -> None:
        super().__init__(services)
        self._metrics = metrics

    @classmethod
    def media_types(cls) -> tuple[str, ...]:
        """The formats that Prometheus reads."""
        return MEDIA_TYPES

    def get(self) -> Response:
        """Everything that was counted by now."""
        body, content_type = self._metrics.write(self.request.media_type)
        return Response(body, content_type=content_type)

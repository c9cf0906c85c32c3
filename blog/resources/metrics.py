"""The metrics of the server."""

from __future__ import annotations

from flask import Response

from blog.http.api import Resource, Services
from blog.http.middleware.metrics import MEDIA_TYPES, RequestMetrics


class Metrics(Resource):
    """The metrics of all worker processes, in the formats of Prometheus."""

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
        """The current metrics."""
        body, content_type = self._metrics.write(self.request.media_type)
        return Response(body, content_type=content_type)

"""What is counted of requests: their rate, errors and duration, for Prometheus to collect.

Requests are told apart by the template of their URL, never by the URL itself, so that no client can
make the counts grow without bound.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from time import perf_counter

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from blog.database.write_health import WriteHealth
from blog.errors import StorageUnavailable
from blog.http.middleware.access_log import Access, duration, is_final
from blog.http.request import current_request
from blog.http.request_target import METHODS
from blog.http.wsgi import RECEIVED_AT, Environ

# The text format that everything reads, and OpenMetrics.
MEDIA_TYPES = ("text/plain", "application/openmetrics-text")
# In seconds: most reads take a few milliseconds, and who follows changes may wait for 30 s.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 31)


class Meters:
    """The counts of one process, or its share in those of all worker processes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        requests = self._counter("blog_http_requests", "Requests answered", "method route status")
        durations = Histogram(
            "blog_http_request_duration_seconds",
            "How long it took to answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        outages = self._counter(
            "blog_storage_unavailable", "Requests that the database could not serve", "reason"
        )
        # To find the one to count with takes longer than to count.
        self._requests: Callable[..., Counter] = cache(requests.labels)
        self._durations: Callable[..., Histogram] = cache(durations.labels)
        self._outages: Callable[..., Counter] = cache(outages.labels)
        self._failed_sign_ins = self._counter(
            "blog_failed_sign_ins", "Requests with credentials that are wrong"
        )

        # What the last of all processes found is so.
        self._writes = Gauge(
            "blog_writes_failing",
            "1 where the database was last found to take no writes, else 0",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )

    def watch(self, writes: WriteHealth) -> None:
        """Tell from now on whether writes fail."""
        writes.observe(self._writes.set)

    def install(self, app: Flask) -> None:
        """Count every request of the application."""
        app.after_request(self._count)

    def observe(self, access: Access, environ: Environ, _request_id: str) -> None:
        """Count a request that was served from a cache."""
        seconds = perf_counter() - environ[RECEIVED_AT]
        self.count(access.method, access.route, access.status, seconds)

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request, and how long it took to answer it."""
        known = method if method in METHODS else "other"
        self._requests(known, route or "unmatched", status).inc()
        self._durations(known, route or "unmatched").observe(seconds)

    def write(self, media_type: str) -> tuple[bytes, str]:
        """All counts in one of the media types, and the whole name of that."""
        encode, content_type = choose_encoder(media_type)
        return encode(self._collector()), content_type

    def _counter(self, name: str, meaning: str, labels: str = "") -> Counter:
        return Counter(name, meaning, labels.split(), registry=self._registry)

    def _collector(self) -> CollectorRegistry:
        """What knows the counts of all processes, where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self._registry
        collector = CollectorRegistry()
        MultiProcessCollector(collector)  # type: ignore[no-untyped-call]  # the library has no type
        return collector

    def _count(self, response: Response) -> Response:
        request = current_request()
        if not is_final(response):
            return response
        self.count(request.method, request.route, response.status_code, duration())
        if response.status_code == 401 and request.is_signed:
            self._failed_sign_ins.inc()
        if request.error and issubclass(request.error, StorageUnavailable):
            self._outages(request.error.__name__).inc()
        return response

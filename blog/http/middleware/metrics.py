"""Metrics of requests for Prometheus: their rate, errors and duration.

They are labelled by the template of the URL, not by the URL itself, so that clients can't make the
number of time series grow.
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
from blog.http.middleware.access_log import LogEntry, duration, is_final
from blog.http.request import current_request
from blog.http.request_target import METHODS
from blog.http.wsgi import RECEIVED_AT, Environ

# The text format of Prometheus, and OpenMetrics.
MEDIA_TYPES = ("text/plain", "application/openmetrics-text")
# In seconds: most reads take a few milliseconds, and long polls up to 30 s.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 31)


class RequestMetrics:
    """The metrics of one process, or its share of those of all worker processes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        requests = self._counter("blog_http_requests", "Requests", "method route status")
        outages = self._counter(
            "blog_storage_unavailable", "Requests that the database could not serve", "reason"
        )
        # Finding the labelled metric takes longer than incrementing it.
        self._requests: Callable[..., Counter] = cache(requests.labels)
        self._durations: Callable[..., Histogram] = cache(self._histogram().labels)
        self._outages: Callable[..., Counter] = cache(outages.labels)
        self._failed_sign_ins = self._counter(
            "blog_failed_sign_ins", "Requests with wrong credentials"
        )
        # The latest finding of any process is valid for all.
        self._writes = Gauge(
            "blog_writes_failing",
            "1 if the last check found that the database rejects writes, else 0",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )

    def watch(self, writes: WriteHealth) -> None:
        """Report whether writes fail."""
        writes.observe(self._writes.set)

    def install(self, app: Flask) -> None:
        """Count every request."""
        app.after_request(self._count)

    def observe(self, entry: LogEntry, environ: Environ, _request_id: str) -> None:
        """Count a request that was served from a cache."""
        seconds = perf_counter() - environ[RECEIVED_AT]
        self.count(entry.method, entry.route, entry.status, seconds)

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request and its duration."""
        known = method if method in METHODS else "other"
        self._requests(known, route or "unmatched", status).inc()
        self._durations(known, route or "unmatched").observe(seconds)

    def write(self, media_type: str) -> tuple[bytes, str]:
        """All metrics in one of the media types, and the Content-Type with its parameters."""
        encode, content_type = choose_encoder(media_type)
        return encode(self._collector()), content_type

    def _histogram(self) -> Histogram:
        return Histogram(
            "blog_http_request_duration_seconds",
            "Duration of requests",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def _counter(self, name: str, meaning: str, labels: str = "") -> Counter:
        return Counter(name, meaning, labels.split(), registry=self._registry)

    def _collector(self) -> CollectorRegistry:
        """The registry with the metrics of all processes."""
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
        if response.status_code == 401 and request.has_credentials:
            self._failed_sign_ins.inc()
        if request.error and issubclass(request.error, StorageUnavailable):
            self._outages(request.error.__name__).inc()
        return response

"""The one place where the parts are wired together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial

from flask import Response

from blog import cli, logs
from blog.cli import opening
from blog.content.dates import utc_now
from blog.content.markup import Renderer
from blog.database.database import Database
from blog.errors import NotReady, SchemaMismatch
from blog.gateway.cache_keys import CacheKeys
from blog.gateway.constant_responses import ConstantResponses
from blog.gateway.gateway import Bounds, Gateway
from blog.gateway.response_cache import ResponseCache
from blog.http import preferences, request_head
from blog.http.api import Api, Services
from blog.http.application import Application
from blog.http.auth import BasicAuthentication
from blog.http.cursors import Cursors
from blog.http.long_poll import LongPoll
from blog.http.middleware import (
    access_log,
    cache_control,
    cors,
    cross_site,
    hosts,
    problems,
    security_headers,
)
from blog.http.middleware.proxies import MIDDLEWARES, rewriter
from blog.maintenance import schema
from blog.maintenance.schema_watch import SchemaWatch
from blog.resources import ROUTES
from blog.settings import Settings, read_settings
from blog.sign_in.authenticator import Authenticator, ExternalAccounts
from blog.sign_in.failure_counts import FailureCounts
from blog.sign_in.passwords import PasswordChecker
from blog.sign_in.policy import SignInPolicy
from blog.sign_in.redis import open_redis
from blog.sign_in.throttle import Throttle
from blog.storage import secret_key

logger = logging.getLogger("blog.app")

# All request bodies of a process together have the size of this many of the longest.
_BODIES = 8
# All responses that a process sends at once together have at most this many bytes.
_RESPONSE_BYTES = 128 * 1024 * 1024


def create_gateway(
    settings: Settings | None = None, now: Callable[[], datetime] = utc_now
) -> Gateway:
    """Make the application with its gateway, which a worker of `blog serve` serves.

    Takes and raises what `create_app` does. Also raises DatabaseError where there is no blog: a
    database file that was removed while it was served must not be replaced by an empty one.
    """
    settings = settings or read_settings()
    with closing(Database(settings.database_url, settings.limits)) as database:
        schema.require_blog(database, opening.place(settings.database_url))
    bounds = Bounds(
        threads=settings.threads,
        max_body=settings.max_body,
        request_bytes=_BODIES * settings.max_body,
        response_bytes=_RESPONSE_BYTES,
        queue_timeout=settings.queue_timeout,
        transfer_timeout=settings.transfer_timeout,
    )
    app = create_app(settings, now)
    services: Services = app.extensions["blog"]
    _log_schema_faults(services)
    cache = create_cache(app, settings) if settings.cache_bytes else None
    gateway = Gateway(app, bounds, cache, _create_constants(app, settings))
    gateway.on_stop(services.long_poll.close)
    gateway.on_end(services.database.shut_down)
    return gateway


def _log_schema_faults(services: Services) -> None:
    """Log what the schema lacks; requests that do not need it are served."""
    try:
        with services.database.session("primary, else replica") as session:
            services.schema_watch.require_whole(session)
    except NotReady as error:
        logger.error("%s: %s", error, error.__cause__)


def create_cache(app: Application, settings: Settings) -> ResponseCache:
    """Make the response cache of an application that was made with these settings."""
    services: Services = app.extensions["blog"]
    return ResponseCache(
        app.wsgi_app,
        _create_keys(app, settings),
        services.database,
        now=services.now,
        capacity=int(settings.cache_bytes),
        observers=app.extensions["blog.observers"],
    )


def _create_constants(app: Application, settings: Settings) -> ConstantResponses:
    keys = _create_keys(app, settings)
    return ConstantResponses(app.wsgi_app, keys, app.extensions["blog.observers"])


def _create_keys(app: Application, settings: Settings) -> CacheKeys:
    hops = settings.trusted_proxies
    return CacheKeys(app, rewriter(settings.proxy_header, hops) if hops else None)


def create_app(
    settings: Settings | None = None,
    now: Callable[[], datetime] = utc_now,
    checker: PasswordChecker | None = None,
    authenticator: Authenticator | None = None,
) -> Application:
    """Make the application, and bring its database up to date.

    Settings come from the environment unless given; ``now`` is the clock, ``checker`` verifies
    passwords, and ``authenticator`` those of authors who have none in the blog. Raises
    InvalidSetting, DatabaseError or StorageUnavailable.
    """
    settings = settings or read_settings()
    logs.set_up(settings.log_format)
    database = Database(settings.database_url, settings.limits, settings.database_read_url)
    schema.upgrade(database)
    app = Application("blog", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body)
    _install_middleware(app, settings)
    # Called for each response that is served from a cache instead of by the application.
    app.extensions["blog.observers"] = [access_log.observe]
    external = ExternalAccounts(authenticator, now) if authenticator else None
    policy = partial(SignInPolicy, now=now, checker=checker or PasswordChecker(), external=external)
    app.extensions["blog"] = services = _services(settings, database, now, policy)
    _watch_schema(app, services)
    _add_resources(app, services, settings)
    for name in ("author", "token", "database"):
        app.cli.add_command(cli.main.commands[name])
    return app


def _install_middleware(app: Application, settings: Settings) -> None:
    """Install the middleware: requests pass through it in this order, responses in reverse."""
    access_log.install(app)
    hosts.require(app, has_base_url=settings.base_url is not None)
    request_head.install(app)
    problems.install(app)
    hosts.install(app, settings.hosts)
    cross_site.install(app, settings.origin, settings.cors_origins)
    security_headers.install(app, settings.origin)
    cors.install(app, settings.cors_origins)
    cache_control.install(app)
    preferences.install(app)
    if hops := settings.trusted_proxies:
        behind = MIDDLEWARES[settings.proxy_header]
        app.wsgi_app = behind(app.wsgi_app, hops)  # type: ignore[method-assign]  # Flask's own way


def _watch_schema(app: Application, services: Services) -> None:
    """Have readiness check the schema again after a request that found it incomplete."""

    def respond(error: SchemaMismatch) -> Response:
        services.schema_watch.doubt()
        return problems.make_response(error)

    app.register_error_handler(SchemaMismatch, respond)


def _add_resources(app: Application, services: Services, settings: Settings) -> None:
    api = Api(app)
    for resource, rule in ROUTES:
        api.add_resource(resource, rule, resource_class_args=(services,))
    if settings.metrics:
        _add_metrics(app, api, services)


def _add_metrics(app: Application, api: Api, services: Services) -> None:
    # The library is loaded only where metrics are enabled.
    from blog.http.middleware.metrics import RequestMetrics
    from blog.resources.metrics import Metrics

    metrics = RequestMetrics()
    metrics.install(app)
    metrics.watch(services.database.write_health)
    app.extensions["blog.observers"].append(metrics.observe)
    api.add_resource(Metrics, "/metrics", resource_class_args=(services, metrics))


def _services(
    settings: Settings,
    database: Database,
    now: Callable[[], datetime],
    create_policy: Callable[[Throttle], SignInPolicy],
) -> Services:
    secret_key = _secret_key(settings, database)
    policy = create_policy(_throttle(settings, secret_key, now))
    return Services(
        database=database,
        authentication=BasicAuthentication(policy),
        cursors=Cursors(secret_key),
        # Requests that wait for changes leave at least half of the threads to others.
        long_poll=LongPoll(settings.threads // 2),
        schema_watch=SchemaWatch(needs_secret_key=settings.secret_key is None),
        renderer=Renderer(settings.site),
        now=now,
        require_if_match=settings.require_if_match,
        base_url=settings.base_url,
    )


def _throttle(settings: Settings, secret_key: str, now: Callable[[], datetime]) -> Throttle:
    # At least one thread is left for other requests.
    limit = max(1, settings.threads - 1)
    return Throttle(_counts(settings), secret_key, now, limit)


def _counts(settings: Settings) -> FailureCounts:
    storage = open_redis(settings.rate_limit_url) if settings.rate_limit_url else None
    return FailureCounts(settings.sign_in_failures, settings.sign_in_window, storage)


def _secret_key(settings: Settings, database: Database) -> str:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    with database.session("primary, else replica") as session:
        return secret_key.secret_key(session)

"""The one place where the parts are wired together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from werkzeug.middleware.proxy_fix import ProxyFix

from blog import cli, logs
from blog.content.dates import utc_now
from blog.http import access_log, cache, preferences, problems
from blog.http.api import Api, Services
from blog.http.application import Application
from blog.http.auth import Authenticator
from blog.http.paging import Cursors
from blog.http.waiting import WaitingRoom
from blog.resources import ROUTES
from blog.settings import Settings, read_settings
from blog.storage import schema
from blog.storage.engine import Database
from blog.storage.keys import secret_key


def create_app(
    settings: Settings | None = None, now: Callable[[], datetime] = utc_now
) -> Application:
    """Make the application, with its database brought up to date.

    Settings come from the environment unless given; ``now`` is the clock. Raises InvalidSetting,
    DatabaseError or StorageUnavailable.
    """
    settings = settings or read_settings()
    logs.set_up(settings.log_format)
    database = Database(settings.database_url, settings.limits, settings.database_read_url)
    schema.upgrade(database)
    app = Application("blog", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body)
    for concern in (access_log, problems, cache, preferences):
        concern.install(app)
    app.extensions["blog"] = services = _services(settings, database, now)
    api = Api(app)
    for resource, rule in ROUTES:
        api.add_resource(resource, rule, resource_class_args=(services,))
    if settings.metrics:
        _add_metrics(app, api, services)
    app.cli.add_command(cli.author)
    app.cli.add_command(cli.database)
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops
        )
    return app


def _add_metrics(app: Application, api: Api, services: Services) -> None:
    # Whoever does not want them does not load the library.
    from blog.http.metrics import Meters
    from blog.resources.metrics import Metrics

    meters = Meters()
    meters.install(app)
    api.add_resource(Metrics, "/metrics", resource_class_args=(services, meters))


def _services(settings: Settings, database: Database, now: Callable[[], datetime]) -> Services:
    return Services(
        database=database,
        authenticator=Authenticator(),
        cursors=Cursors(_secret_key(settings, database)),
        # Those who wait leave at least half of the threads to others.
        waiting_room=WaitingRoom(settings.threads // 2),
        now=now,
        require_if_match=settings.require_if_match,
        base_url=settings.base_url,
    )


def _secret_key(settings: Settings, database: Database) -> str:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    with database.session("primary, else replica") as session:
        return secret_key(session)

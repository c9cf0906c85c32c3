"""What `blog serve` does in the background: it renders posts anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import sleep

from blog import logs
from blog.cli import opening
from blog.content.markup import Renderer
from blog.database.database import Database
from blog.errors import StorageUnavailable
from blog.maintenance.rendering import Renewal, render_anew

logger = logging.getLogger("blog.rendering")

# How many seconds to wait after the database was unavailable.
_RETRY_SECONDS = 10.0


def render_posts() -> None:
    """Render the posts of the database of the settings anew, and log the result."""
    settings = opening.load_settings()
    logs.set_up(settings.log_format)
    with opening.connect(settings, connections=2) as opened:
        try:
            renewal = render_patiently(opened, Renderer(settings.site))
        finally:
            opened.shut_down()
    if renewal.rendered:
        logger.info("rendered %d posts anew", renewal.rendered)
    for post_id in renewal.escaped:
        logger.warning("post %s: the body exceeds a limit, and is shown as text", post_id)


def render_patiently(
    database: Database, renderer: Renderer, pause: Callable[[float], object] = sleep
) -> Renewal:
    """Render all posts anew, again after a while where the database was unavailable."""
    while True:
        try:
            return render_anew(database, renderer, pause=pause)
        except StorageUnavailable as error:
            logger.warning("posts will be rendered anew later: %s", error)
            pause(_RETRY_SECONDS)

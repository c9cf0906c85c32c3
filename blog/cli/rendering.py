"""What `blog serve` does in the background: it renders posts anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import sleep
from typing import TYPE_CHECKING

from blog import logs
from blog.cli import opening
from blog.database.database import Database
from blog.errors import StorageUnavailable
from blog.maintenance.rendering import Renewal, find_texts, render_anew

if TYPE_CHECKING:
    # The supervisor of `blog serve` imports this module, but never renders.
    from blog.content.markup import Renderer

logger = logging.getLogger("blog.rendering")

# How many seconds to wait after the database was unavailable.
_RETRY_SECONDS = 10.0


def render_posts() -> None:
    """Render the posts of the database of the settings anew, and log the result."""
    from blog.content.markup import Renderer

    settings = opening.load_settings()
    logs.set_up(settings.log_format)
    with opening.connect(settings, connections=2) as opened:
        try:
            render_patiently(opened, Renderer(settings.site))
        finally:
            opened.shut_down()


def render_patiently(
    database: Database, renderer: Renderer, pause: Callable[[float], object] = sleep
) -> None:
    """Render all posts anew; go on after a while where the database was unavailable."""
    renewal = Renewal(renderer)
    while True:
        try:
            render_anew(database, renewal, pause=pause)
            return _log_result(database, renewal)
        except StorageUnavailable as error:
            logger.warning("posts will be rendered anew later: %s", error)
            pause(_RETRY_SECONDS)


def _log_result(database: Database, renewal: Renewal) -> None:
    """Log what was done, if anything was. Raises StorageUnavailable."""
    if not renewal.rendered:
        return
    with database.session() as session:
        texts = list(find_texts(session, renewal.renderer.version))
    logger.info("rendered %d posts anew", renewal.rendered)
    for post_id in texts:
        logger.warning("post %s: the body can't be rendered, and is shown as text", post_id)

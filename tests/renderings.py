"""HTML that another version of the renderer made, as it is stored after an upgrade."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select

from blog.content.markup import Renderer
from blog.database.database import Database
from blog.maintenance.rendering import Renewal, find_texts, render_anew
from blog.storage.tables import post
from tests.contract import Clock
from tests.people import RICK
from tests.rivals import change

# With the usual settings.
RENDERER = Renderer()
render = RENDERER.render
OLD_HTML = "<p>As it was</p>"
NEW_HTML = "<p>First post!</p>\n"
# More posts than a batch has.
MANY = 450
# More than the renderer accepts, from when it accepted that.
DEEP = "<b>" * 1000


def age(url: str, body: str | None = None) -> None:
    """Let all posts have old HTML, and this body in every version if it is given."""
    change(url, f"UPDATE post SET rendering = 'old', body_html = '{OLD_HTML}'")
    if body is not None:
        change(
            url,
            f"UPDATE post SET body = '{body}', format = 'html'",
            f"UPDATE revision SET body = '{body}', format = 'html' WHERE body IS NOT NULL",
        )


def html_of(client: FlaskClient, path: str) -> str:
    """The HTML of a post."""
    html: str = client.get(f"{path}?fields=bodyHtml", auth=RICK).json["bodyHtml"]
    return html


def fill(database: Database, count: int = MANY) -> None:
    """Write posts with old HTML."""
    now = Clock().now
    shared = {
        "version": 1, "status": "published", "created_date": now, "posted_date": now,
        "updated_date": now, "author_name": "rick", "title": "t", "format": "text", "tags": [],
        "body": "First post!", "body_html": OLD_HTML, "rendering": "old",
    }  # fmt: skip
    rows = [{**shared, "id": f"{number:032x}", "slug": f"s{number}"} for number in range(count)]
    with database.session() as session, session.writing() as connection:
        connection.execute(post.insert(), rows)


def render_all(database: Database, renderer: Renderer = RENDERER) -> int:
    """Render all posts anew, without pauses; give how many were old."""
    renewal = Renewal(renderer)
    render_anew(database, renewal, pause=lambda _: None)
    return renewal.rendered


def texts(database: Database) -> list[str]:
    """The ids of the posts whose body is shown as text."""
    with database.session() as session:
        return list(find_texts(session, RENDERER.version))


def renderings(database: Database) -> set[str]:
    """The versions that the stored HTML has."""
    with database.session() as session:
        return set(session.reading().scalars(select(post.c.rendering)))

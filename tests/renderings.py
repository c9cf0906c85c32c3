"""HTML that another version of the renderer made, as it is stored after an upgrade."""

from __future__ import annotations

from flask.testing import FlaskClient

from blog.content.markup import Renderer
from tests.people import RICK
from tests.rivals import change

# With the usual settings.
RENDERER = Renderer()
render = RENDERER.render
OLD_HTML = "<p>As it was</p>"
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

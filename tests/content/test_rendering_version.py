"""The version of a rendering: raised with what comes out, so that stored HTML is made anew."""

from __future__ import annotations

from hashlib import sha256

import pytest

from blog.content.renderings import VERSION, library_versions, version_of
from blog.content.sites import Site
from blog.errors import Invalid
from tests.renderings import RENDERER, render

POST_ID = "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"
MARKDOWN = """\
# A heading
## A heading {#own}

*One*, **two**, ~~three~~, `four`, <kbd>five</kbd>, https://example.org, [six](/post "Six")[^1].

| a | b |
|:--|--:|
| 1 | 2 |

- [x] done
- [ ] open

> [!NOTE]
> Noted, and $x < y$.

```python
def f() -> None: ...
```

![alt](image.png) <script>alert(1)</script><iframe src="https://www.youtube.com/embed/x"></iframe>

[^1]: A note.
"""
HTML = '<h2 id="a">A</h2><a href="#a" onclick="x()">B</a><p style="x">C<unknown>D</unknown>'
TEXT = "One\ntwo\n\n<three>"
# The digest of what this program renders in the present version.
DIGEST = "48ee42c802d8f011"
# More than the renderer accepts.
DEEP = "<b>" * 1000 + "deep"


def test_version_was_raised_with_the_last_change_of_what_is_rendered() -> None:
    rendered = (
        render(MARKDOWN, "markdown", POST_ID),
        render(HTML, "html", POST_ID),
        render(TEXT, "text", POST_ID),
    )
    digest = sha256("\0".join((str(VERSION), *rendered)).encode()).hexdigest()[:16]

    assert digest == DIGEST, "raise VERSION in blog/content/renderings.py, then set DIGEST"


@pytest.mark.parametrize("name", ["comrak", "nh3", "Pygments", "selectolax"])
def test_version_follows_each_library(name: str) -> None:
    others = {**library_versions(), name: "0"}

    assert version_of(Site(), others) != version_of(Site()) == RENDERER.version


def test_stored_body_is_rendered_like_a_new_one() -> None:
    assert RENDERER.render_stored(MARKDOWN, "markdown", POST_ID) == (
        render(MARKDOWN, "markdown", POST_ID),
        RENDERER.version,
    )


def test_stored_body_that_is_refused_now_is_escaped_text() -> None:
    with pytest.raises(Invalid):
        render(DEEP, "html", POST_ID)

    html, version = RENDERER.render_stored(DEEP, "html", POST_ID)

    assert version == RENDERER.text_version != RENDERER.version
    assert html.startswith("<p>&lt;b&gt;")

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
### A heading

*One*, **two**, ~~three~~, ~four~, `five`, <kbd>six</kbd>, ==seven==, 2^8^, Vec<T>,
[nine](/post "9")[^1]. Also www.example.org, https://example.org, a@example.org[^1], [own](#own),
[there](/post/00000000000000000000000076543210#x).

| a | b |
|:--|--:|
| 1 | 2 |

- [x] done
- [ ] open

A term

: What it means.

> [!NOTE]
> Noted, and $x < y$, $`z`$, and $$y$$, but not $HOME:$PATH.

> [!WARNING]
> Do not.

```python
def f() -> None: ...
```
```rust,no_run
let a = 1;
```
```unheard-of
a < b
```
```math
e
```

![alt](image.png) ![alt](/image.png) <script>alert(1)</script> <style> <!-- comment -->

<iframe src="https://www.youtube.com/embed/x"></iframe> <iframe src="//example.org/x"></iframe>

[^1]: A note.
"""
HTML = """\
<h2 id="a">A</h2><p id="a" align="left">B</p><a name="n m">C</a><a href="#a" onclick="x()">D</a>
<a href="#top" rel="nofollow">E</a><a href="//example.org" rel="me opener">F</a><a href="x:y">G</a>
<p style="text-align:right; color:red">H<unknown>I</unknown>
<span class="k nav kg-x alignleft">J</span>
<img src="a.png" srcset="/a.png 2x, b.png 3x, data:c 4x"><img src="//example.org/b.png">
<video src="a" poster="b" autoplay><track src="c"></video><picture><source srcset="d"></picture>
<table aria-labelledby="a n"><tr><th id="h">K</th><td headers="h a">L</td></tr></table>
<math><mi>x</mi><mo>=</mo><mn>2</mn></math><noscript><img src="d.png"></noscript><svg><p>M</svg>
<iframe src="https://player.vimeo.com/1" width="9">N</iframe><iframe src="https://[">O</iframe>
<iframe src="/p">P</iframe><input type="checkbox"><input><q cite="/x">Q</q><!-- R -->
"""
TEXT = "One\ntwo\n\n<three>"
# The digest of what this program renders in the present version.
DIGEST = "60f19136c9e3ebeb"
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

"""Which classes of a post may stand in any page."""

from __future__ import annotations

import pytest

from blog.content.sanitizer import sanitize
from blog.content.sites import Site


@pytest.mark.parametrize("language", ["python", "c++", "c#", "objective-c++", ".net"])
def test_class_of_a_language_is_kept(language: str) -> None:
    html = f'<pre><code class="language-{language}">x</code></pre>'

    assert sanitize(html, Site()) == html


def test_other_class_beside_it_is_not() -> None:
    html = '<code class="panel language-c++ open">x</code>'

    assert sanitize(html, Site()) == '<code class="language-c++">x</code>'

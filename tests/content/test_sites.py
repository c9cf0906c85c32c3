"""Settings decide which links are the blog's own, and which pages a post may embed."""

from __future__ import annotations

import pytest

from blog.content.markup import Renderer
from blog.content.sanitizer import sanitize
from blog.content.sites import Site
from tests.content.tags import POST_ID, PREFIX

BASE = "https://example.org/blog"


def rendered(body: str, site: Site) -> str:
    """The HTML of an HTML text on a site."""
    return Renderer(site).render(body, "html", POST_ID)


@pytest.mark.parametrize(
    "address", [BASE, f"{BASE}/", f"{BASE}/post#x", f"{BASE}?x", "HTTPS://EXAMPLE.org/blog/x", "/x"]
)
def test_a_link_below_the_base_url_is_of_the_same_site(address: str) -> None:
    assert "rel=" not in rendered(f'<a href="{address}">x</a>', Site(BASE))


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/",
        "https://example.org/blogger",
        "http://example.org/blog/",
        "https://example.org:8443/blog/",
        "https://example.org@example.com/blog/",
        "https://www.example.org/blog/",
    ],
)
def test_a_link_to_another_place_is_of_another_site(address: str) -> None:
    assert 'rel="noopener noreferrer"' in rendered(f'<a href="{address}">x</a>', Site(BASE))


def test_without_a_base_url_only_relative_links_are_of_the_same_site() -> None:
    assert 'rel="noopener noreferrer"' in rendered(f'<a href="{BASE}/x">x</a>', Site())


def test_a_host_of_the_settings_may_be_embedded() -> None:
    site = Site(embed_hosts=frozenset(["maps.example.org"]))

    assert "<iframe" in rendered('<iframe src="https://MAPS.example.org/x"></iframe>', site)
    assert "<iframe" not in rendered('<iframe src="https://www.youtube.com/x"></iframe>', site)


def test_an_embed_that_becomes_a_link_to_the_own_site_has_no_relation() -> None:
    link = rendered(f'<iframe src="{BASE}/x"></iframe>', Site(BASE))

    assert link == f'<a href="{BASE}/x">{BASE}/x</a>'


def test_what_the_settings_decide_is_part_of_the_version() -> None:
    sites = [Site(), Site(BASE), Site(embed_hosts=frozenset()), Site(BASE, frozenset())]

    assert len({Renderer(site).version for site in sites}) == len(sites)
    assert Renderer(Site(BASE)).version == Renderer(Site(BASE)).version


def test_fragments_of_other_sites_stay() -> None:
    link = f'<a href="https://other.example/post/{POST_ID}#x">y</a>'

    assert f"{POST_ID}#x" in rendered(link, Site(BASE))


@pytest.mark.parametrize(
    "address", [f"/post/{POST_ID}", f"post/{POST_ID}", f"{BASE}/post/{POST_ID}"]
)
def test_a_link_into_an_own_post_leads_to_the_id_there(address: str) -> None:
    assert f"#{PREFIX}x" in rendered(f'<a href="{address}#x">y</a>', Site(BASE))


@pytest.mark.parametrize("src", ["https://evil.example/", "https://[", ""])
def test_a_sanitizer_embeds_no_page_that_the_site_may_not(src: str) -> None:
    assert "src" not in sanitize(f'<iframe src="{src}"></iframe>', Site())


def test_a_sanitizer_puts_every_embed_into_a_sandbox() -> None:
    frame = '<iframe src="https://www.youtube.com/x" sandbox="allow-top-navigation"></iframe>'

    assert 'sandbox="allow-scripts allow-same-origin allow-popups"' in sanitize(frame, Site())

"""Links: each file of the documentation is linked from the README, and no link is broken."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.documentation.pages import DIRECTORY, PAGES, README, anchors, links, prose


def _target(page: Path, link: str) -> tuple[Path, str]:
    path, _, fragment = link.partition("#")
    return ((page.parent / path).resolve() if path else page), fragment


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {_target(README, link)[0] for link in links(README)}

    assert set(DIRECTORY.iterdir()) - linked == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [(link, *_target(page, link)) for link in links(page)]

    missing = [link for link, file, _ in targets if not file.exists()]
    assert missing == []
    assert [link for link, file, part in targets if part and part not in anchors(file)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    paths = [span for span in spans if re.fullmatch(r"(tests|scripts|blog|\.ci)/[\w./-]+", span)]
    if page.name == "architecture.md":
        paths += [f"blog/{span}" for span in spans if re.fullmatch(r"[\w/]+\.py", span)]
        paths = [path.replace("blog/tests/", "tests/") for path in paths]

    assert [path for path in paths if not (README.parent / path).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150


def test_only_files_of_the_repository_are_linked() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=README.parent, capture_output=True, text=True
    ).stdout.splitlines()
    if not tracked:
        pytest.skip("this is no checkout")
    known = {(README.parent / name).resolve() for name in tracked}

    assert {file for page in PAGES for file, _ in [_target(page, x) for x in links(page)]} <= known

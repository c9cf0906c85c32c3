"""Rendering in the background waits where the database is unavailable, and says what it did."""

from __future__ import annotations

import logging

import pytest

from blog.cli.rendering import render_patiently, render_posts
from blog.database.database import Database
from blog.database.limits import Limits
from blog.settings import read_settings
from tests.commands import post_as
from tests.renderings import DEEP, RENDERER, age
from tests.rivals import connected

pytestmark = pytest.mark.slow


def test_result_is_logged(rick: str, caplog: pytest.LogCaptureFixture) -> None:
    post_as("rick")
    age(read_settings().database_url, DEEP)

    with caplog.at_level(logging.INFO, "blog.rendering"):
        render_posts()

    rendered, escaped = (record.getMessage() for record in caplog.records)
    assert rendered == "rendered 1 posts anew"
    assert escaped.endswith(": the body exceeds a limit, and is shown as text")


def test_nothing_is_logged_where_nothing_was_old(
    rick: str, caplog: pytest.LogCaptureFixture
) -> None:
    post_as("rick")

    with caplog.at_level(logging.INFO, "blog.rendering"):
        render_posts()

    assert caplog.records == []


@pytest.mark.databases("sqlite")
def test_rendering_goes_on_when_the_database_is_available_again(
    rick: str, caplog: pytest.LogCaptureFixture
) -> None:
    post_as("rick")
    url = read_settings().database_url
    age(url)
    waited: list[float] = []
    database = Database(url, Limits(connections=2, lock=0.1))
    with connected(url) as rival:
        rival.begin_writing()

        def pause(seconds: float) -> None:
            if not waited:
                rival.commit()
            waited.append(seconds)

        assert render_patiently(database, RENDERER, pause).rendered == 1
    database.close()

    assert waited == [10.0, 1.0]
    assert "posts will be rendered anew later: " in caplog.text

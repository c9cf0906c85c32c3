"""Rendering in the background waits where the database is unavailable, and says what it did."""

from __future__ import annotations

import logging
from contextlib import closing

import pytest

from blog.cli.rendering import render_patiently, render_posts
from blog.database.database import Database
from blog.database.limits import Limits
from blog.settings import read_settings
from tests.commands import post_as
from tests.renderings import DEEP, MANY, RENDERER, age, fill
from tests.rivals import connected

pytestmark = pytest.mark.slow


def test_result_is_logged(rick: str, caplog: pytest.LogCaptureFixture) -> None:
    post_as("rick")
    age(read_settings().database_url, DEEP)

    with caplog.at_level(logging.INFO, "blog.rendering"):
        render_posts()

    rendered, escaped = (record.getMessage() for record in caplog.records)
    assert rendered == "rendered 1 posts anew"
    assert escaped.endswith(": the body can't be rendered, and is shown as text")


def test_nothing_is_logged_where_nothing_was_old(
    rick: str, caplog: pytest.LogCaptureFixture
) -> None:
    post_as("rick")

    with caplog.at_level(logging.INFO, "blog.rendering"):
        render_posts()

    assert caplog.records == []


@pytest.mark.databases("sqlite")
def test_rendering_goes_on_when_the_database_is_available_again(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(database)
    waited: list[float] = []
    with connected(database_url) as rival, caplog.at_level(logging.INFO, "blog.rendering"):

        def pause(seconds: float) -> None:
            if seconds == 10:
                rival.commit()
            elif not waited:
                rival.begin_writing()
            waited.append(seconds)

        with closing(Database(database_url, Limits(connections=2, lock=0.1))) as impatient:
            render_patiently(impatient, RENDERER, pause)

    assert waited == [1.0, 10.0, 1.0, 1.0]
    unavailable, rendered = (record.getMessage() for record in caplog.records)
    assert unavailable.startswith("posts will be rendered anew later: ")
    assert rendered == f"rendered {MANY} posts anew"

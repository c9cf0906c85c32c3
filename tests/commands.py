"""Commands of the blog, run in the current directory and judged by their status."""

from __future__ import annotations

import re

from click.testing import CliRunner, Result

from blog.cli import main
from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.settings import read_settings
from blog.storage import post_writes, secret_key
from tests.access import access_for


def blog(command: str, stdin: str = "", **env: str) -> Result:
    """Run a command, given as words with a space between them, with these settings."""
    return CliRunner().invoke(main, command.split(" "), input=stdin, env=env)


def done(result: Result) -> str:
    """Assert that a command did what it was asked without complaint; give what it printed.

    On standard error it names the database, and the settings for rendering, if it has used them.
    """
    assert result.exit_code == 0, result.stderr
    used = r"((Database: |Created the database )'.+'\.?\n)?(Base URL: .+; embeds: .+\n)?"
    assert re.fullmatch(used, result.stderr), result.stderr
    return result.stdout


def failed(result: Result) -> str:
    """Assert that a command could not, and why in one line; give that line.

    Another one before it names the database, if it has used one.
    """
    assert result.exit_code == 1
    error = re.fullmatch(r"(?:Database: '.+'\n)?Error: (.+)\n", result.stderr)
    assert error, result.stderr or result.exception
    return error[1]


def post_as(name: str) -> None:
    """Write a post of an author into the database of the commands."""
    database = Database(read_settings().database_url)
    content = PostContent(title="First!", body="First post!")
    with database.session() as session:
        # A server makes the key when it starts.
        secret_key.secret_key(session)
        post_writes.create(access_for(session, Caller(name, "author"), utc_now()), content)
    database.close()

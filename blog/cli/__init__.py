"""The `blog` command: its groups parse and print; the work is elsewhere.

What a command works with is loaded by that command alone: to load all of it takes longer than most
of them do, and a process that serves has no use for it.
"""

from __future__ import annotations

import click

from blog import __version__
from blog.cli.authors import author
from blog.cli.database import database
from blog.cli.groups import Commands
from blog.cli.serve import serve
from blog.cli.settings import settings
from blog.cli.tokens import token


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="blog")
def main() -> None:
    """A headless blog server."""


for command in (author, token, database, serve, settings):
    main.add_command(command)

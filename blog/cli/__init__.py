"""The `blog` command. Its subcommands parse arguments and print; the work is done elsewhere.

Each command imports what it needs when it runs: importing everything takes longer than most
commands do, and would stay in the memory of the server.
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

"""A group of commands that reports errors in one line."""

from __future__ import annotations

from typing import Any

import click

from blog.errors import BlogError


class Commands(click.Group):
    """Commands that exit with status 1 and one line when they fail."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BlogError as error:
            raise click.ClickException(str(error)) from error

"""How every group of commands ends: with a status, and one line where something failed."""

from __future__ import annotations

from typing import Any

import click

from blog.errors import BlogError


class Commands(click.Group):
    """Commands that end with status 1 and one line where something could not be done."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BlogError as error:
            raise click.ClickException(str(error)) from error

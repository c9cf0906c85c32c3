"""`blog settings`: prints the settings."""

from __future__ import annotations

import click

from blog.cli import opening


@click.command()
def settings() -> None:
    """Print every setting, its value and where it comes from."""
    from blog.settings import show

    loaded = opening.load_settings()
    for shown in show(loaded):
        click.echo(f"{shown.name}={shown.value}\n    ({shown.origin}) {shown.help}")
    opening.name_database(loaded)

"""`blog database`: upgrades, checks and copies a database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blog.cli import opening
from blog.cli.groups import Commands
from blog.errors import DatabaseError

if TYPE_CHECKING:
    from blog.content.sites import Site
    from blog.maintenance.copy_database import Progress


@click.group(cls=Commands)
def database() -> None:
    """Maintain the database."""


@database.command("upgrade")
def database_upgrade() -> None:
    """Upgrade the database to the current schema; `serve` does it too."""
    from blog.maintenance import schema

    settings = opening.load_settings()
    with opening.connect(settings) as opened:
        made = opening.make_file(opened, settings)
        done = schema.upgrade(opened)
    if not made:
        opening.name_database(settings)
    click.echo("Upgraded the database." if done else "The database is up to date.")


@database.command("check")
def database_check() -> None:
    """Check the integrity of the database.

    Prints one line per fault. Additions of others that may block writes are listed too, but are no
    faults.
    """
    from blog.maintenance import integrity

    settings = opening.load_settings()
    with opening.connect(settings) as opened:
        found = integrity.findings(
            opened,
            opening.place(settings.database_url),
            needs_secret_key=settings.secret_key is None,
        )
    opening.name_database(settings)
    for line in [*(found.faults or ["No faults found."]), *found.additions]:
        click.echo(line)
    if found.faults:
        advice = "run `blog database upgrade`, or restore a backup"
        raise DatabaseError(f"faults found: {len(found.faults)}; {advice}")


@database.command("copy")
@click.argument("from_url")
@click.argument("to_url")
def database_copy(from_url: str, to_url: str) -> None:
    """Copy the whole blog FROM_URL to the empty database TO_URL.

    Both are SQLite or PostgreSQL. The first may be in use; later writes to it are not copied.
    """
    from blog.database.database import Database
    from blog.maintenance import schema
    from blog.maintenance.copy_database import copy_database

    limits = opening.command_limits(opening.load_settings())
    with (
        closing(Database(from_url, limits)) as source,
        closing(Database(to_url, limits)) as target,
        _progress("Copying") as progress,
    ):
        schema.require_blog(source, opening.place(from_url))
        counts = copy_database(source, target, progress)
    listed = ", ".join(f"{count} in {table}" for table, count in counts.items())
    click.echo(f"Copied and compared every row: {listed}.")


@database.command("render")
def database_render() -> None:
    """Render posts anew that another version or other settings rendered; `serve` does it too.

    The database may be in use. After an interruption, it goes on where it was. Needs the settings
    of the server. Prints one line per post whose body can't be rendered by this version, so that it
    is shown as text.
    """
    from blog.content.markup import Renderer
    from blog.maintenance.rendering import Renewal, count_old, find_texts, render_anew

    renewal = Renewal(Renderer(opening.load_settings().site))
    version = renewal.renderer.version
    with opening.database(connections=2) as opened:
        opening.require_current(opened)
        _name_site(renewal.renderer.site)
        total = count_old(opened, version)
        with _progress("Rendering") as progress:
            render_anew(opened, renewal, progress)
        click.echo(describe_rendered(renewal.rendered, total))
        with opened.session() as session:
            for post_id in find_texts(session, version):
                click.echo(f"post {post_id}: the body can't be rendered, and is shown as text")


def _name_site(site: Site) -> None:
    hosts = ", ".join(sorted(site.embed_hosts))
    click.echo(f"Base URL: {site.base_url or 'none'}; embeds: {hosts or 'none'}", err=True)


def describe_rendered(own: int, total: int) -> str:
    """What was rendered, by this process and by others meanwhile."""
    others = f"; other processes rendered {total - own}" if total > own else ""
    return f"Rendered {own} posts anew{others}."


@database.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def database_backup(file: Path, force: bool) -> None:
    """Copy the database to a new SQLite FILE, while it is in use."""
    from blog.maintenance.backup import back_up

    with opening.database() as opened, _progress("Copying") as progress:
        back_up(opened, file, progress, replace=force)
    click.echo(f"Copied the database to {str(file)!r}.")


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=hidden) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done)

        yield advance

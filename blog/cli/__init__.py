"""The `blog` command: its groups parse and print; the work is elsewhere.

What a command works with is loaded by that command alone: to load all of it takes longer than most
of them do, and a process that serves has no use for it.
"""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blog import __version__
from blog.cli import opening
from blog.cli.authors import author, check_name
from blog.cli.groups import Commands
from blog.cli.tokens import token
from blog.content.dates import utc_now
from blog.errors import AccountError, DatabaseError

if TYPE_CHECKING:
    from blog.settings import Settings
    from blog.storage.engine import Database, Session
    from blog.storage.transfer import Progress


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="blog")
def main() -> None:
    """A headless blog server."""


_NO_EDITOR = "no editor can sign in: `blog author add NAME --role editor` makes one"

main.add_command(author)
main.add_command(token)


@main.command()
@click.option("--host", show_default="BLOG_HOST", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), show_default="BLOG_PORT", help="Its port.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    show_default="BLOG_WORKERS, else one for each core, at most 4",
    help="How many processes serve.",
)
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Bring the database up to date and serve until SIGTERM or SIGINT."""
    from blog import server

    settings = opening.load_settings()
    host = settings.host if host is None else host
    capacity = server.Capacity(
        workers or settings.workers or _cores(),
        settings.connections,
        settings.limits.connections,
        settings.transfer_timeout,
    )
    with server.listen(host, port or settings.port, settings.transfer_timeout) as listener:
        warnings = _prepare(settings)
        server.run(
            listener,
            capacity,
            settings.log_format,
            settings.metrics,
            database=opening.place(settings.database_url),
            warnings=warnings,
        )


@main.command("settings")
def settings_() -> None:
    """Show every setting, its value and where it came from."""
    from blog.settings import show

    settings = opening.load_settings()
    for shown in show(settings):
        click.echo(f"{shown.name}={shown.value}\n    ({shown.origin}) {shown.help}")
    opening.name_database(settings)


@main.group(cls=Commands)
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
def database_upgrade() -> None:
    """Bring the database to the newest schema; `serve` does it too."""
    from blog.storage import schema

    settings = opening.load_settings()
    with opening.connect(settings) as opened:
        made = opening.make_file(opened, settings)
        done = schema.upgrade(opened)
    if not made:
        opening.name_database(settings)
    click.echo("Brought the database up to date." if done else "The database is up to date.")


@database.command("check")
def database_check() -> None:
    """Say whether the database is sound, and if not, all that is wrong.

    What others have added to it that may be in the way of a write is named, and is no fault.
    """
    from blog.storage import soundness

    settings = opening.load_settings()
    with opening.connect(settings) as opened:
        found = soundness.findings(
            opened,
            opening.place(settings.database_url),
            needs_secret_key=settings.secret_key is None,
        )
    opening.name_database(settings)
    for line in [*(found.faults or ["The database is sound."]), *found.additions]:
        click.echo(line)
    if found.faults:
        advice = "run `blog database upgrade`, or restore a backup"
        raise DatabaseError(f"faults found: {len(found.faults)}; {advice}")


@database.command("copy")
@click.argument("from_url")
@click.argument("to_url")
def database_copy(from_url: str, to_url: str) -> None:
    """Copy the whole blog FROM_URL to an empty database TO_URL, SQLite or PostgreSQL.

    Other processes may go on serving the first one; what they write meanwhile is not copied.
    """
    from blog.storage import schema
    from blog.storage.engine import Database
    from blog.storage.transfer import transfer

    limits = opening.patient(opening.load_settings())
    with (
        closing(Database(from_url, limits)) as source,
        closing(Database(to_url, limits)) as target,
        _progress("Copying") as progress,
    ):
        schema.require_blog(source, opening.place(from_url))
        counts = transfer(source, target, progress)
    listed = ", ".join(f"{count} in {table}" for table, count in counts.items())
    click.echo(f"Copied and compared every row: {listed}.")


@database.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists, once the copy is whole.")
def database_backup(file: Path, force: bool) -> None:
    """Copy the database to a new SQLite FILE, while it is being served."""
    from blog.storage.backup import back_up

    with opening.database() as opened, _progress("Copying") as progress:
        back_up(opened, file, progress, replace=force)
    click.echo(f"Copied the database to {str(file)!r}.")


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """A progress bar on standard error, where somebody can see it."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=hidden) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done)

        yield advance


def _prepare(settings: Settings) -> list[str]:
    """Bring the database up to date, with an author in it; give what to warn of."""
    from blog.storage import accounts, schema

    with opening.connect(settings) as opened:
        opening.make_file(opened, settings, err=False)
        schema.upgrade(opened)
        with opened.session("primary, else replica") as session:
            _add_first_author(session)
            has_editor = any(account.is_editor for account in accounts.find_all(session))
            warnings = [] if has_editor else [_NO_EDITOR]
            return [*warnings, *_write_failure(opened, session)]


def _add_first_author(session: Session) -> None:
    """Make an editor with a generated password where there is no account yet."""
    from blog.storage import accounts
    from blog.storage.passwords import hash_password

    name, password = _system_user(), secrets.token_urlsafe(16)
    if accounts.find_all(session) or not accounts.add_first(
        session, name, hash_password(password), utc_now()
    ):
        return
    click.echo(f"Made the editor {name!r} with the password {password}")
    click.echo("It is shown this once; `blog author passwd` changes it.")


def _write_failure(opened: Database, session: Session) -> list[str]:
    """The reason for which writes will fail, where one is known."""
    reason = opened.server.why_unwritable(session.reading())
    return [f"writes fail, and reads go on: {reason}"] if reason else []


def _cores() -> int:
    """How many processes serve by themselves: one for each core that there is, and at most 4."""
    # Not every system tells which cores a process may use.
    affinity = getattr(os, "sched_getaffinity", None)
    return min(4, len(affinity(0)) if affinity else os.cpu_count() or 1)


def _system_user() -> str:
    try:
        return check_name(getpass.getuser())
    except (AccountError, OSError, KeyError):
        return "editor"

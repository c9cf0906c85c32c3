"""The `blog` command: it parses and prints; the work is elsewhere.

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
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blog import __version__
from blog.content.dates import utc_now
from blog.content.tokens import digest, new_secret
from blog.errors import AccountError, BlogError, DatabaseError

if TYPE_CHECKING:
    from blog.settings import Settings
    from blog.storage.connections import Limits
    from blog.storage.engine import Database, Session
    from blog.storage.transfer import Progress

ROLE = click.Choice(["author", "editor"])


class Commands(click.Group):
    """Commands that end with status 1 and one line where something could not be done."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BlogError as error:
            raise click.ClickException(str(error)) from error


password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="blog")
def main() -> None:
    """A headless blog server."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Its port."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=lambda: min(4, len(os.sched_getaffinity(0))),
    show_default="one for each core, at most 4",
    help="How many processes serve.",
)
def serve(host: str, port: int, workers: int) -> None:
    """Bring the database up to date and serve until SIGTERM or SIGINT."""
    from blog import server

    settings = _settings()
    capacity = server.Capacity(
        workers, settings.connections, settings.limits.connections, settings.transfer_timeout
    )
    with server.listen(host, port, settings.transfer_timeout) as listener:
        with _session(settings) as session:
            _add_first_author(session)
        server.run(listener, capacity, settings.log_format, settings.metrics)


@main.command("settings")
def settings_() -> None:
    """Show every setting, its value and where it came from."""
    from blog.settings import show

    for shown in show(_settings()):
        click.echo(f"{shown.name}={shown.value}\n    ({shown.origin}) {shown.help}")


@main.group(cls=Commands)
def author() -> None:
    """Manage the accounts of authors."""


@author.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, default="author", show_default=True, help="What they may do.")
@password_option
def author_add(name: str, role: Any, password_stdin: bool) -> None:
    """Make an account; an author changes their own posts, an editor everyone's."""
    from blog.storage import accounts
    from blog.storage.passwords import hash_password

    _check_name(name)
    with _session() as session:
        password = _new_password(password_stdin)
        accounts.add(session, name, role, hash_password(password), utc_now())
    click.echo(f"Made the {role} {name!r}.")


@author.command("list")
def author_list() -> None:
    """List every account with its role."""
    from blog.storage import accounts

    with _session() as session:
        for account in accounts.find_all(session):
            click.echo(f"{account.name}\t{account.role if account.password_hash else 'removed'}")


@author.command("passwd")
@click.argument("name")
@password_option
def author_passwd(name: str, password_stdin: bool) -> None:
    """Give an author a new password, also one who was removed."""
    from blog.storage import accounts
    from blog.storage.passwords import hash_password

    name = _check_name(name)
    with _session() as session:
        if accounts.find(session, name) is None:
            raise AccountError(f"there is no author {name!r}")
        password = _new_password(password_stdin)
        accounts.set_password(session, name, hash_password(password))
    click.echo(f"Changed the password of {name!r}.")


@author.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
def author_role(name: str, role: Any) -> None:
    """Make an author an editor, or an editor an author."""
    from blog.storage import accounts

    name = _check_name(name)
    with _session() as session:
        accounts.set_role(session, name, role)
    click.echo(f"{name!r} is now {role}.")


@author.command("remove")
@click.argument("name")
def author_remove(name: str) -> None:
    """End an account; the posts of its author stay, under their name."""
    from blog.storage import accounts

    name = _check_name(name)
    with _session() as session:
        outcome = accounts.remove(session, name)
    kept = " Their posts and profile stay." if outcome == "closed" else ""
    click.echo(f"Removed {name!r}.{kept}")


@main.group(cls=Commands)
def token() -> None:
    """Manage the access tokens of authors, which stand in the place of their passwords."""


@token.command("add")
@click.argument("name")
@click.argument("label")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    show_default="it does not expire",
    help="How long it is good for.",
)
@click.option(
    "--scope",
    type=click.Choice(["read", "write"]),
    default="write",
    show_default=True,
    help="What it is good for.",
)
def token_add(name: str, label: str, days: int | None, scope: Any) -> None:
    """Make a token for an author and print it, alone and this once."""
    from blog.storage import tokens

    name, now, secret = _check_name(name), utc_now(), new_secret()
    expiry = None if days is None else now + timedelta(days=days)
    with _session() as session:
        tokens.add(session, name, tokens.AccessToken(label, scope, now, expiry), digest(secret))
    click.echo(secret)


@token.command("list")
@click.argument("name")
def token_list(name: str) -> None:
    """List the tokens of an author: label, scope, when each was made, expires, was last used."""
    from blog.storage import tokens

    name, now = _check_name(name), utc_now()
    with _session() as session:
        for found in tokens.find_all(session, name):
            made, used = f"made {found.created_date:%Y-%m-%d}", found.last_used or "never"
            expiry = _expiry(found.expiry_date, now)
            click.echo(f"{found.label}\t{found.scope}\t{made}\t{expiry}\tlast used {used}")


@token.command("revoke")
@click.argument("name")
@click.argument("label")
def token_revoke(name: str, label: str) -> None:
    """Take a token away from an author; it is good for nothing from then on."""
    from blog.storage import tokens

    name = _check_name(name)
    with _session() as session:
        tokens.revoke(session, name, label)
    click.echo(f"Revoked the token {label!r} of {name!r}.")


def _expiry(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "expires never"
    return f"{'expires' if moment > now else 'expired'} {moment:%Y-%m-%d %H:%M}Z"


@main.group(cls=Commands)
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
def database_upgrade() -> None:
    """Bring the database to the newest schema; `serve` does it too."""
    from blog.storage import schema

    with _opened(_settings()) as opened:
        done = schema.upgrade(opened)
    click.echo("Brought the database up to date." if done else "The database is up to date.")


@database.command("check")
def database_check() -> None:
    """Say whether the database is sound, and if not, all that is wrong."""
    from blog.storage import soundness

    settings = _settings()
    with _opened(settings) as opened:
        faults = soundness.faults(opened, needs_secret_key=settings.secret_key is None)
    for fault in faults:
        click.echo(fault)
    if faults:
        raise DatabaseError(f"faults found: {len(faults)}; try an upgrade, or restore a backup")
    click.echo("The database is sound.")


@database.command("copy")
@click.argument("from_url")
@click.argument("to_url")
def database_copy(from_url: str, to_url: str) -> None:
    """Copy the whole blog FROM_URL to an empty database TO_URL, SQLite or PostgreSQL.

    Other processes may go on serving the first one; what they write meanwhile is not copied.
    """
    from blog.storage.engine import Database
    from blog.storage.transfer import transfer

    limits = _patient(_settings())
    with (
        closing(Database(from_url, limits)) as source,
        closing(Database(to_url, limits)) as target,
        _progress("Copying") as progress,
    ):
        counts = transfer(source, target, progress)
    listed = ", ".join(f"{count} in {table}" for table, count in counts.items())
    click.echo(f"Copied and compared every row: {listed}.")


@database.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists, once the copy is whole.")
def database_backup(file: Path, force: bool) -> None:
    """Copy the database to a new SQLite FILE, while it is being served."""
    from blog.storage.backup import back_up

    with _opened(_settings()) as opened, _progress("Copying") as progress:
        back_up(opened, file, progress, replace=force)
    click.echo(f"Copied the database to {str(file)!r}.")


def _settings() -> Settings:
    from blog.settings import read_settings

    return read_settings()


def _check_name(name: str) -> str:
    from blog.content.authors import check_name

    return check_name(name)


def _opened(settings: Settings) -> closing[Database]:
    from blog.storage.engine import Database

    return closing(Database(settings.database_url, _patient(settings), settings.database_read_url))


def _patient(settings: Settings) -> Limits:
    """The limits of a command: it may work through the whole database."""
    return replace(settings.limits, connections=1, statement=0)


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """A progress bar on standard error, where somebody can see it."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=hidden) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done)

        yield advance


@contextmanager
def _session(settings: Settings | None = None) -> Iterator[Session]:
    """A session on the database of the settings, brought up to date."""
    from blog.storage import schema

    with _opened(settings or _settings()) as opened:
        schema.upgrade(opened)
        with opened.session("primary, else replica") as session:
            yield session


def _new_password(from_stdin: bool) -> str:
    from blog.content.authors import check_password

    if from_stdin:
        given = sys.stdin.readline() if sys.stdin else ""
        return check_password(given.rstrip("\r\n"))
    return check_password(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _add_first_author(session: Session) -> None:
    """Make an editor with a generated password where nobody could sign in yet."""
    from blog.storage import accounts
    from blog.storage.passwords import hash_password

    name, password = _system_user(), secrets.token_urlsafe(16)
    if accounts.find_all(session) or not accounts.add_first(
        session, name, hash_password(password), utc_now()
    ):
        return
    click.echo(f"Made the editor {name!r} with the password {password}")
    click.echo("It is shown this once; `blog author passwd` changes it.")


def _system_user() -> str:
    try:
        return _check_name(getpass.getuser())
    except (AccountError, OSError, KeyError):
        return "editor"

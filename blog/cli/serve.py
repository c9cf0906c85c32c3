"""`blog serve`: upgrades the database and runs the server."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from blog.cli import opening
from blog.cli.authors import check_name
from blog.content.dates import utc_now
from blog.errors import AccountError

if TYPE_CHECKING:
    from blog.database.database import Database
    from blog.database.session import Session
    from blog.server.background import Background
    from blog.settings import Settings

_NO_EDITOR = "no editor can sign in: `blog author add NAME --role editor` creates one"


@click.command()
@click.option("--host", show_default="BLOG_HOST", help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), show_default="BLOG_PORT", help="Port to listen on."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    show_default="BLOG_WORKERS, else one per core, at most 4",
    help="Number of worker processes.",
)
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Upgrade the database and serve until SIGTERM or SIGINT."""
    from blog.server.capacity import Capacity
    from blog.server.listener import listen
    from blog.server.processes import run

    settings = opening.load_settings()
    host = settings.host if host is None else host
    capacity = Capacity(
        workers=workers or settings.workers or _cores(),
        connections=settings.connections,
        database_connections=settings.limits.connections,
        head_timeout=settings.transfer_timeout,
    )
    with listen(host, port or settings.port, settings.transfer_timeout) as listener:
        prepared = prepare(settings)
        run(
            listener,
            capacity,
            log_format=settings.log_format,
            metrics=settings.metrics,
            database=opening.place(settings.database_url),
            warnings=prepared.warnings,
            background=prepared.background,
        )


class Prepared(NamedTuple):
    """What is to be logged, and done in the background, when the server has started."""

    warnings: Sequence[str]
    background: Background


def prepare(settings: Settings) -> Prepared:
    """Upgrade the database, and add an author if there is none."""
    from blog.cli.rendering import render_posts
    from blog.content.renderings import version_of
    from blog.maintenance import rendering, schema
    from blog.server.background import Background
    from blog.storage import accounts

    with opening.connect(settings) as opened:
        opening.make_file(opened, settings, err=False)
        schema.upgrade(opened)
        with opened.session("primary, else replica") as session:
            _add_first_author(session)
            has_editor = any(account.is_editor for account in accounts.find_all(session))
            warnings = [] if has_editor else [_NO_EDITOR]
            warnings += _write_failure(opened, session)
            is_due = rendering.has_old(session, version_of(settings.site))
            return Prepared(warnings, Background(render_posts, is_due=is_due))


def _add_first_author(session: Session) -> None:
    """Create an editor with a generated password if there is no account."""
    from blog.sign_in.passwords import hash_password
    from blog.storage import accounts

    name, password = _system_user(), secrets.token_urlsafe(16)
    if accounts.find_all(session) or not accounts.add_first(
        session, name, hash_password(password), utc_now()
    ):
        return
    click.echo(f"Created the editor {name!r} with the password {password}")
    click.echo("It is not shown again; `blog author passwd` changes it.")


def _write_failure(opened: Database, session: Session) -> list[str]:
    """A warning if writes will fail, with the reason."""
    from blog.storage.tables import metadata

    reason = opened.backend.why_unwritable(session.reading(), list(metadata.tables))
    return [f"writes fail, reads work: {reason}"] if reason else []


def _cores() -> int:
    """The default number of workers: one per core, at most 4."""
    # Some systems do not know which cores a process may use.
    affinity = getattr(os, "sched_getaffinity", None)
    return min(4, len(affinity(0)) if affinity else os.cpu_count() or 1)


def _system_user() -> str:
    try:
        return check_name(getpass.getuser())
    except (AccountError, OSError, KeyError):
        return "editor"

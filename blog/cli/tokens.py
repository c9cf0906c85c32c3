"""`blog token`: the access tokens of authors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from blog.cli import opening
from blog.cli.authors import check_name
from blog.cli.groups import Commands
from blog.content.dates import utc_now
from blog.content.tokens import digest, new_secret


@click.group(cls=Commands)
def token() -> None:
    """Manage access tokens, which programs use instead of a password."""


@token.command("add")
@click.argument("name")
@click.argument("label")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    show_default="never",
    help="Days until the token expires.",
)
@click.option(
    "--scope",
    type=click.Choice(["read", "write"]),
    default="write",
    show_default=True,
    help="What the token may do.",
)
def token_add(name: str, label: str, days: int | None, scope: Any) -> None:
    """Create an access token, and print it; it is not shown again."""
    from blog.storage import tokens

    name, now, secret = check_name(name), utc_now(), new_secret()
    expiry = None if days is None else now + timedelta(days=days)
    with opening.session() as session:
        tokens.add(session, name, tokens.AccessToken(label, scope, now, expiry), digest(secret))
    click.echo(secret)


@token.command("list")
@click.argument("name")
def token_list(name: str) -> None:
    """List the tokens of an author: label, scope, creation, expiry and last use."""
    from blog.storage import tokens

    name, now = check_name(name), utc_now()
    with opening.session() as session:
        for found in tokens.find_all(session, name):
            created, used = f"created {found.created_date:%Y-%m-%d}", found.last_used or "never"
            expiry = _expiry(found.expiry_date, now)
            click.echo(f"{found.label}\t{found.scope}\t{created}\t{expiry}\tlast used {used}")


@token.command("revoke")
@click.argument("name")
@click.argument("label")
def token_revoke(name: str, label: str) -> None:
    """Revoke an access token."""
    from blog.storage import tokens

    name = check_name(name)
    with opening.session() as session:
        tokens.revoke(session, name, label)
    click.echo(f"Revoked the token {label!r} of {name!r}.")


def _expiry(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "expires never"
    return f"{'expires' if moment > now else 'expired'} {moment:%Y-%m-%d %H:%M}Z"

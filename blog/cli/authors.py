"""`blog author`: the accounts of authors."""

from __future__ import annotations

import sys
import warnings
from getpass import GetPassWarning
from typing import Any

import click

from blog.cli import opening
from blog.cli.groups import Commands
from blog.content.dates import utc_now
from blog.errors import AccountError

# In bytes; no password is longer.
_LONGEST_LINE = 8192

ROLE = click.Choice(["author", "editor"])

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
force_option = click.option("--force", is_flag=True, help="Do it even if no editor is left.")


@click.group(cls=Commands)
def author() -> None:
    """Manage accounts."""


@author.command("add")
@click.argument("name")
@click.option(
    "--role", type=ROLE, default="author", show_default=True, help="The role of the account."
)
@password_option
def author_add(name: str, role: Any, password_stdin: bool) -> None:
    """Create an account. Authors change their own posts, editors all posts."""
    from blog.sign_in.passwords import hash_password
    from blog.storage import accounts

    check_name(name)
    password_hash = hash_password(_new_password(password_stdin))
    with opening.session(make=True) as session:
        accounts.add(session, name, role, password_hash, now=utc_now())
    click.echo(f"Created the {role} {name!r}.")


@author.command("list")
def author_list() -> None:
    """List all accounts and their roles."""
    from blog.storage import accounts

    with opening.session() as session:
        for account in accounts.find_all(session):
            click.echo(f"{account.name}\t{account.role if account.password_hash else 'removed'}")


@author.command("passwd")
@click.argument("name")
@password_option
def author_passwd(name: str, password_stdin: bool) -> None:
    """Set a new password, which also restores a removed account."""
    from blog.sign_in.passwords import hash_password
    from blog.storage import accounts

    name = check_name(name)
    with opening.session() as session:
        if accounts.find(session, name) is None:
            raise AccountError(f"there is no author {name!r}")
        password = _new_password(password_stdin)
        accounts.set_password(session, name, hash_password(password))
    click.echo(f"Changed the password of {name!r}.")


@author.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
@force_option
def author_role(name: str, role: Any, force: bool) -> None:
    """Change the role of an account."""
    from blog.storage import accounts

    name = check_name(name)
    with opening.session() as session:
        accounts.set_role(session, name, role, force=force)
    click.echo(f"{name!r} is now {role}.")


@author.command("remove")
@click.argument("name")
@force_option
def author_remove(name: str, force: bool) -> None:
    """Remove an account and its tokens; its posts stay, under its name."""
    from blog.storage import accounts

    name = check_name(name)
    with opening.session() as session:
        outcome = accounts.remove(session, name, force=force)
    remark = " Their posts and profile stay." if outcome == "closed" else ""
    click.echo(f"Removed {name!r}.{remark}")


def check_name(name: str) -> str:
    """The name of an author in NFC. Raises AccountError for an invalid name."""
    from blog.content import authors

    return authors.check_name(name)


def _new_password(from_stdin: bool) -> str:
    from blog.content.authors import check_password

    return check_password(_read_password() if from_stdin else _ask_for_password())


def _read_password() -> str:
    """The first line of standard input, without a byte order mark."""
    line = sys.stdin.buffer.readline(_LONGEST_LINE) if sys.stdin else b""
    try:
        return line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise AccountError("the password on standard input is not UTF-8") from None


def _ask_for_password() -> str:
    try:
        with warnings.catch_warnings():
            # Without a terminal, the password would be echoed or empty.
            warnings.simplefilter("error", GetPassWarning)
            return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    except GetPassWarning:
        raise AccountError(
            "the password can't be asked for without a terminal: use --password-stdin"
        ) from None

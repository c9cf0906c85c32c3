"""Accounts: made, found, changed and ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from blog.content.authors import Caller
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.database.limits import Limits
from blog.database.session import Session
from blog.errors import AccountError
from blog.maintenance import schema
from blog.storage import accounts, authors, post_writes, posts
from blog.storage.accounts import Account
from blog.storage.preconditions import Precondition
from tests.access import access_for
from tests.cases import cases

NOW = datetime(2026, 11, 22, 9, 47, 45, tzinfo=UTC)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session on a blog with ann, joe and rick."""
    with database.session() as session:
        yield session


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A blog without any account."""
    database = Database(empty_url, Limits(connections=4))
    schema.upgrade(database)
    yield database
    database.close()


def names(session: Session) -> list[str]:
    return [account.name for account in accounts.find_all(session)]


def write_post(session: Session, name: str) -> str:
    content = PostContent(title="First!", body="")
    return post_writes.create(access_for(session, Caller(name, "author"), NOW), content).id


def test_an_account_is_found_by_its_name(session: Session) -> None:
    accounts.add(session, "eva", "editor", "a hash", now=NOW)

    assert accounts.find(session, "eva") == Account("eva", "editor", "a hash")


@cases("name", ["nobody", "Rick", "", "rick ", "%"])
def test_an_unknown_name_finds_nothing(session: Session, name: str) -> None:
    assert accounts.find(session, name) is None


def test_an_account_is_a_caller_once_verified() -> None:
    assert Account("eva", "editor", "a hash").caller == Caller("eva", "editor")


def test_accounts_are_sorted_by_name(session: Session) -> None:
    accounts.add(session, "Zoe", "author", "a hash", now=NOW)
    accounts.add(session, "bob", "author", "a hash", now=NOW)

    assert names(session) == ["Zoe", "ann", "bob", "joe", "rick"]


def test_a_new_account_has_a_profile(session: Session) -> None:
    accounts.add(session, "eva", "author", "a hash", now=NOW)

    profile = authors.find(access_for(session, None, NOW), "eva")
    assert (profile.version, profile.display_name, profile.updated_date) == (1, None, NOW)


def test_a_name_is_kept_composed(session: Session) -> None:
    accounts.add(session, "Ju\u0308rgen", "author", "a hash", now=NOW)

    assert accounts.find(session, "Jürgen") is not None


@cases("name", ["rick", "RICK", "\uff52\uff49\uff43\uff4b"])
def test_a_name_too_like_another_is_refused(session: Session, name: str) -> None:
    with pytest.raises(AccountError, match=r"already, or one whose name differs by case alone$"):
        accounts.add(session, name, "editor", "a hash", now=NOW)

    assert names(session) == ["ann", "joe", "rick"]


def test_what_can_be_no_name_is_refused(session: Session) -> None:
    with pytest.raises(AccountError, match=r"^'a:b' can't be a name"):
        accounts.add(session, "a:b", "author", "a hash", now=NOW)


def test_the_first_account_is_an_editor(empty: Database) -> None:
    with empty.session() as session:
        made = accounts.add_first(session, "root", "a hash", NOW)

        assert made is True
        assert accounts.find_all(session) == [Account("root", "editor", "a hash")]


def test_where_there_is_an_account_no_first_one_is_made(session: Session) -> None:
    made = accounts.add_first(session, "root", "a hash", NOW)

    assert made is False
    assert names(session) == ["ann", "joe", "rick"]


def test_of_several_that_try_at_once_one_makes_the_first_account(empty: Database) -> None:
    together = threading.Barrier(4)

    def try_it(name: str) -> bool:
        with empty.session() as session:
            together.wait()
            return accounts.add_first(session, name, "a hash", NOW)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(try_it, ["a", "b", "c", "d"]))

    assert sorted(made) == [False, False, False, True]
    with empty.session() as session:
        assert len(names(session)) == 1


def test_a_password_is_changed(session: Session) -> None:
    accounts.set_password(session, "rick", "another hash")

    assert accounts.find(session, "rick") == Account("rick", "author", "another hash")


def test_a_role_is_changed(session: Session) -> None:
    before = accounts.find(session, "rick")
    accounts.set_role(session, "rick", "editor")

    assert before is not None
    assert accounts.find(session, "rick") == before._replace(role="editor")


def test_a_change_of_an_account_leaves_the_others(session: Session) -> None:
    before = accounts.find(session, "joe")
    accounts.set_password(session, "rick", "another hash")
    accounts.set_role(session, "rick", "editor")

    assert accounts.find(session, "joe") == before


def test_an_unknown_author_can_not_be_changed(session: Session) -> None:
    with pytest.raises(AccountError, match=r"^there is no author 'nobody'$"):
        accounts.set_password(session, "nobody", "a hash")
    with pytest.raises(AccountError, match=r"^there is no author 'nobody'$"):
        accounts.set_role(session, "nobody", "editor")
    with pytest.raises(AccountError, match=r"^there is no author 'nobody'$"):
        accounts.remove(session, "nobody")


def test_a_hash_is_replaced_by_a_stronger_one(session: Session) -> None:
    accounts.set_password(session, "rick", "weak")
    account = Account("rick", "author", "weak")

    accounts.rehash(session, account, "strong")

    assert accounts.find(session, "rick") == Account("rick", "author", "strong")


def test_a_password_changed_meanwhile_is_not_replaced(session: Session) -> None:
    account = Account("rick", "author", "weak")
    accounts.set_password(session, "rick", "new")

    accounts.rehash(session, account, "strong")

    assert accounts.find(session, "rick") == Account("rick", "author", "new")


def test_an_author_of_nothing_is_deleted(session: Session) -> None:
    write_post(session, "joe")

    assert accounts.remove(session, "rick") == "deleted"
    assert names(session) == ["ann", "joe"]


def test_an_author_of_posts_stays_and_can_not_sign_in(session: Session) -> None:
    post_id = write_post(session, "rick")

    assert accounts.remove(session, "rick") == "closed"
    assert accounts.find(session, "rick") == Account("rick", "author", None)
    found = posts.find(access_for(session, None, NOW), post_id, frozenset({"body"}))
    assert found.author_name == "rick"


def test_an_author_whose_only_post_was_deleted_stays(session: Session) -> None:
    post_id = write_post(session, "rick")
    post_writes.remove(access_for(session, Caller("rick", "author"), NOW), post_id, Precondition())

    assert accounts.remove(session, "rick") == "closed"


def test_an_editor_who_changed_another_ones_post_stays(session: Session) -> None:
    post_id = write_post(session, "rick")
    content = PostContent(title="Better", body="")
    post_writes.edit(
        access_for(session, Caller("ann", "editor"), NOW),
        post_id,
        Precondition(),
        lambda _: content,
    )

    assert accounts.remove(session, "ann", force=True) == "closed"


def test_a_closed_account_is_opened_by_a_new_password(session: Session) -> None:
    write_post(session, "rick")
    accounts.remove(session, "rick")

    accounts.set_password(session, "rick", "a hash")

    assert accounts.find(session, "rick") == Account("rick", "author", "a hash")


def test_the_name_of_a_deleted_author_is_free_again(session: Session) -> None:
    accounts.remove(session, "rick")

    accounts.add(session, "RICK", "author", "a hash", now=NOW)

    assert names(session) == ["RICK", "ann", "joe"]


@pytest.mark.parametrize("take_away", [accounts.remove, partial(accounts.set_role, role="author")])
def test_the_last_editor_stays_unless_forced(
    session: Session, take_away: Callable[..., object]
) -> None:
    with pytest.raises(AccountError, match=r"^'ann' is the last editor who can sign in: "):
        take_away(session, "ann")
    before = accounts.find(session, "ann")
    take_away(session, "ann", force=True)

    assert before is not None
    assert before.is_editor
    assert not any(account.is_editor for account in accounts.find_all(session))


def test_an_editor_goes_where_another_can_sign_in(session: Session) -> None:
    accounts.set_role(session, "joe", "editor")

    assert accounts.remove(session, "ann") == "deleted"


def test_an_author_goes_where_there_is_no_editor(session: Session) -> None:
    accounts.set_role(session, "ann", "author", force=True)

    assert accounts.remove(session, "rick") == "deleted"


def test_of_two_editors_that_go_at_once_one_stays(database: Database) -> None:
    with database.session() as session:
        accounts.set_role(session, "joe", "editor")
    together = threading.Barrier(2)

    def demote(name: str) -> bool:
        with database.session() as session:
            together.wait()
            try:
                accounts.set_role(session, name, "author")
            except AccountError:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(demote, ["ann", "joe"]))

    assert outcomes == [False, True]

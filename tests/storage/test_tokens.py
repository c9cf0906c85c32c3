"""What an access token is, and how it is kept."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from blog.content.authors import Caller, check_password
from blog.content.posts import PostContent
from blog.content.tokens import check_label, checksum, digest, is_token, new_secret
from blog.database.database import Database
from blog.database.session import Session
from blog.errors import AccountError
from blog.storage import accounts, post_writes, tokens
from blog.storage.tables import access_token
from blog.storage.tokens import AccessToken, VerifiedToken
from tests.access import access_for
from tests.cases import cases
from tests.rivals import connected
from tests.servers.outages import until_waiting
from tests.servers.postgresql import Cluster
from tests.tokens import NOW, issue, kept, revoke

BOT = AccessToken("bot", "write", NOW)
LATER = NOW + timedelta(days=30)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session on a blog with ann, joe and rick."""
    with database.session() as session:
        yield session


def remove_with_a_post(session: Session) -> None:
    """Remove Rick, who stays as the author of a post."""
    post_writes.create(
        access_for(session, Caller("rick", "author"), NOW), PostContent(title="First!", body="")
    )
    assert accounts.remove(session, "rick") == "closed"


def test_a_secret_is_what_scanners_look_for() -> None:
    assert re.fullmatch("blogpat_[0-9A-Za-z]{42}", new_secret())


def test_a_secret_ends_in_the_checksum_of_what_stands_before() -> None:
    secret = new_secret()

    assert secret[-6:] == checksum(secret[:-6])


@pytest.mark.parametrize(
    ("text", "expected"),
    # The CRC-32 of nothing, that of the text by which it is commonly tested, 0xCBF43926, and
    # that of "a", 0xE8B7BE43.
    [("", "000000"), ("123456789", "3jZRME"), ("a", "4GEHKN")],
)
def test_a_checksum_is_crc_32_to_the_base_62(text: str, expected: str) -> None:
    assert checksum(text) == expected


def test_no_two_secrets_are_alike() -> None:
    secrets = {new_secret()[8:20] for _ in range(1000)}

    assert len(secrets) == 1000


def test_a_secret_is_known_for_a_token_and_a_password_is_not() -> None:
    assert is_token(new_secret())
    assert not is_token("password")


def test_of_a_secret_its_sha_256_is_kept(session: Session, database: Database) -> None:
    _, secret = issue(database)

    statement = select(access_token).where(access_token.c.label == "bot")
    row = session.reading().execute(statement).one()
    assert row.digest == digest(secret)
    assert not any(secret[8:] in str(value) for value in row)


def test_a_digest_is_sha_256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("password", ["blogpat_", "blogpat_password", f"blogpat_{'0' * 42}"])
def test_a_password_may_not_look_like_a_token(password: str) -> None:
    with pytest.raises(AccountError, match=r"must not begin with 'blogpat_': it would be mistaken"):
        check_password(password)


@pytest.mark.parametrize(
    ("label", "expected"),
    [("bot", "bot"), (" my bot ", "my bot"), ("bo\u0308t", "böt"), (100 * "😀", 100 * "😀")],
)
def test_a_label_is_trimmed_and_composed(label: str, expected: str) -> None:
    assert check_label(label) == expected


@cases("label", ["", "  ", "x" * 101, "a\tb", "a\nb", "a\x1b[2Jb", "\udcff", "a\u202eb", "\0"])
def test_what_can_be_no_label_is_refused(session: Session, database: Database, label: str) -> None:
    with pytest.raises(AccountError, match=r"can't be a label: 1 to 100 printable characters$"):
        tokens.add(session, "rick", BOT._replace(label=label), "d" * 64)

    assert kept(database) == []


def test_tokens_are_sorted_by_label(database: Database) -> None:
    for label in ("b", "C", "a"):
        issue(database, label=label)

    assert [token.label for token in kept(database)] == ["C", "a", "b"]


def test_a_token_is_kept_as_it_was_made(session: Session, database: Database) -> None:
    token = AccessToken("bot", "read", NOW, LATER)
    tokens.add(session, "rick", token, "d" * 64)

    assert kept(database) == [token]


def test_a_label_names_one_token_of_an_author(database: Database) -> None:
    issue(database)

    with pytest.raises(AccountError, match=r"^'rick' has a token 'bot' already$"):
        issue(database, label=" bot")
    assert len(kept(database)) == 1


def test_two_authors_may_use_one_label(database: Database) -> None:
    issue(database)
    issue(database, "joe")
    revoke(database)

    assert (len(kept(database)), len(kept(database, "joe"))) == (0, 1)


def test_of_several_that_use_one_label_at_once_one_does(database: Database) -> None:
    together = threading.Barrier(4)

    def try_it(_: int) -> bool:
        together.wait()
        try:
            issue(database)
        except AccountError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(try_it, range(4)))

    assert sorted(made) == [False, False, False, True]


def test_an_unknown_author_has_no_tokens(session: Session) -> None:
    with pytest.raises(AccountError, match=r"^there is no author 'nobody'$"):
        tokens.add(session, "nobody", BOT, "d" * 64)
    with pytest.raises(AccountError, match=r"^there is no author 'nobody'$"):
        tokens.find_all(session, "nobody")


def test_a_removed_author_gets_no_token(session: Session) -> None:
    remove_with_a_post(session)

    with pytest.raises(AccountError, match=r"^'rick' was removed: `blog author passwd` restores"):
        tokens.add(session, "rick", BOT, "d" * 64)


# SQLite has one writer at a time, so that nothing can come between.
@pytest.mark.databases("postgresql")
def test_an_author_who_is_being_removed_gets_no_token(
    database: Database, database_url: str, postgresql: Cluster
) -> None:
    with ThreadPoolExecutor() as pool, connected(database_url) as rival:
        rival.execute("BEGIN")
        rival.execute("UPDATE author SET password_hash = NULL WHERE name = 'rick'")
        added = pool.submit(issue, database)
        until_waiting(postgresql, "transactionid")
        rival.commit()

        with pytest.raises(AccountError, match=r"was removed"):
            added.result()


def test_what_is_not_there_can_not_be_revoked(session: Session, database: Database) -> None:
    issue(database)

    with pytest.raises(AccountError, match=r"^'rick' has no token 'bat'$"):
        tokens.revoke(session, "rick", "bat")
    with pytest.raises(AccountError, match=r"^'joe' has no token 'bot'$"):
        tokens.revoke(session, "joe", "bot")
    assert len(kept(database)) == 1


def test_a_grant_says_who_has_the_token_and_for_what(session: Session, database: Database) -> None:
    name, secret = issue(database, "ann", scope="read")

    token = tokens.find_verified(session, name, digest(secret), NOW)

    expected = Caller("ann", "editor", token_digest=digest(secret), may_write=False)
    assert token == VerifiedToken(expected, last_used=None)


def test_a_grant_has_the_day_of_the_last_use(session: Session, database: Database) -> None:
    name, secret = issue(database)
    used = tokens.find_verified(session, name, digest(secret), NOW)
    assert used
    tokens.note_use(session, used.caller, NOW.date())
    session.close()

    token = tokens.find_verified(session, name, digest(secret), NOW)

    assert token == VerifiedToken(used.caller, NOW.date())


def test_a_token_is_good_until_it_expires(session: Session, database: Database) -> None:
    name, secret = issue(database, expiry=LATER)
    moment = timedelta(microseconds=1)

    assert tokens.find_verified(session, name, digest(secret), LATER - moment)
    assert tokens.find_verified(session, name, digest(secret), LATER) is None


def test_an_author_who_stays_when_removed_keeps_no_token(
    session: Session, database: Database
) -> None:
    issue(database)
    issue(database, "joe")
    remove_with_a_post(session)

    assert (kept(database), len(kept(database, "joe"))) == ([], 1)

"""Passwords: hashed, compared, and cached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from blog.sign_in.passwords import PasswordChecker, hash_password, needs_rehash

HASH = hash_password("password")
HERE = "127.0.0.1"
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def checker() -> PasswordChecker:
    return PasswordChecker()


def test_a_hash_is_argon2id_with_the_parameters_of_today() -> None:
    assert HASH.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_every_hash_has_a_salt_of_its_own() -> None:
    assert hash_password("password") != HASH


def test_a_hash_with_the_parameters_of_today_stays() -> None:
    assert needs_rehash(HASH) is False


def test_a_weaker_hash_is_to_be_replaced() -> None:
    assert needs_rehash(WEAK.hash("password")) is True


def test_the_right_password_is_right(checker: PasswordChecker) -> None:
    assert checker.verify(HASH, "password", HERE) is True


def test_a_weaker_hash_is_still_compared(checker: PasswordChecker) -> None:
    assert checker.verify(WEAK.hash("password"), "password", HERE) is True


@pytest.mark.parametrize("password", ["", "Password", "password ", "password\0", "p" * 10_000])
def test_a_wrong_password_is_wrong(checker: PasswordChecker, password: str) -> None:
    assert checker.verify(HASH, password, HERE) is False
    assert checker.remembers(HASH, password, HERE) is False


def test_an_unknown_author_matches_no_password(checker: PasswordChecker) -> None:
    assert checker.verify(None, "password", HERE) is False


@pytest.mark.parametrize(
    "stored", ["", "password", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$x$y", "$2b$12$abc"]
)
def test_an_invalid_hash_matches_no_password(checker: PasswordChecker, stored: str) -> None:
    assert checker.verify(stored, "password", HERE) is False
    assert checker.remembers(stored, "password", HERE) is False


@pytest.mark.parametrize(
    ("hashed", "given"), [("pässwort", "pa\u0308sswort"), ("pa\u0308sswort", "pässwort")]
)
def test_composition_does_not_count(checker: PasswordChecker, hashed: str, given: str) -> None:
    stored = hash_password(hashed)

    assert checker.verify(stored, given, HERE) is True
    assert checker.remembers(stored, hashed, HERE) is True


def test_no_password_is_remembered_before_it_was_right(checker: PasswordChecker) -> None:
    assert checker.remembers(HASH, "password", HERE) is False


def test_a_right_password_is_remembered(checker: PasswordChecker) -> None:
    checker.verify(HASH, "password", HERE)

    assert checker.remembers(HASH, "password", HERE) is True
    assert checker.remembers(HASH, "passwore", HERE) is False


def test_a_changed_password_is_forgotten(checker: PasswordChecker) -> None:
    checker.verify(HASH, "password", HERE)

    assert checker.remembers(hash_password("other password"), "password", HERE) is False


def test_a_cached_password_is_removed_once_another_is_tried(
    checker: PasswordChecker,
) -> None:
    checker.verify(HASH, "password", HERE)
    checker.remembers(HASH, "a guess", HERE)

    assert checker.remembers(HASH, "password", HERE) is False


def test_what_one_process_remembers_another_does_not(checker: PasswordChecker) -> None:
    checker.verify(HASH, "password", HERE)

    assert PasswordChecker().remembers(HASH, "password", HERE) is False


def test_a_wrong_password_does_not_make_the_right_one_forgotten(checker: PasswordChecker) -> None:
    checker.verify(HASH, "password", HERE)
    checker.verify(HASH, "wrong", HERE)

    assert checker.remembers(HASH, "password", HERE) is True


def test_concurrent_sign_ins_get_their_own_results(checker: PasswordChecker) -> None:
    passwords = ["password", "wrong"] * 4

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(checker.verify, [HASH] * 8, passwords, [HERE] * 8))

    assert answers == [True, False] * 4

"""Partial changes of a document: merge patch (RFC 7396) and JSON Patch (RFC 6902)."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.patches import apply_operations, merge
from blog.errors import Fault, Malformed, PatchConflict

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3)
NAMES = st.text("ab", max_size=2)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
# A member that is null can't be the outcome of a merge patch.
WITHOUT_NULL = st.recursive(
    st.integers(-9, 9) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)

POST: dict[str, Any] = {"title": "First!", "summary": None, "tags": ["a", "b"], "a/b": {"m~n": 1}}


def difference(source: object, target: object) -> object:
    """The merge patch that makes the target of the source."""
    if not isinstance(source, dict) or not isinstance(target, dict):
        return target
    changed = {
        name: difference(source.get(name), value)
        for name, value in target.items()
        if name not in source or source[name] != value
    }
    return {**dict.fromkeys(source.keys() - target.keys()), **changed}


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_does_as_appendix_a_of_its_rfc_says(
    target: object, patch: object, expected: object
) -> None:
    assert merge(target, patch) == expected


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_merging_twice_changes_nothing_more(target: object, patch: object) -> None:
    once = merge(target, patch)

    assert merge(once, patch) == once


@settings(deadline=None)
@given(DOCUMENTS, WITHOUT_NULL)
def test_merging_the_difference_gives_the_target(source: object, target: object) -> None:
    assert merge(source, difference(source, target)) == target


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_merge_never_changes_its_arguments(target: object, patch: object) -> None:
    before = deepcopy((target, patch))

    merge(target, patch)

    assert (target, patch) == before


@settings(deadline=None)
@given(st.dictionaries(NAMES, DOCUMENTS, max_size=4))
def test_an_empty_merge_patch_changes_no_object(target: dict[str, object]) -> None:
    assert merge(target, {}) == target


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([], POST),
        ([{"op": "replace", "path": "/title", "value": "x"}], {**POST, "title": "x"}),
        ([{"op": "add", "path": "/tags/0", "value": "c"}], {**POST, "tags": ["c", "a", "b"]}),
        ([{"op": "add", "path": "/tags/-", "value": "c"}], {**POST, "tags": ["a", "b", "c"]}),
        ([{"op": "remove", "path": "/tags/0"}], {**POST, "tags": ["b"]}),
        (
            [{"op": "move", "from": "/tags/1", "path": "/tags/0"}],
            {**POST, "tags": ["b", "a"]},
        ),
        ([{"op": "copy", "from": "/title", "path": "/summary"}], {**POST, "summary": "First!"}),
        ([{"op": "replace", "path": "/a~1b/m~0n", "value": 2}], {**POST, "a/b": {"m~n": 2}}),
        ([{"op": "test", "path": "/summary", "value": None}], POST),
        ([{"op": "test", "path": "/tags", "value": ["a", "b"], "more": 1}], POST),
        ([{"op": "replace", "path": "", "value": 1}], 1),
        (
            [
                {"op": "add", "path": "/new", "value": {}},
                {"op": "add", "path": "/new/x", "value": 1},
                {"op": "test", "path": "/new/x", "value": 1},
                {"op": "remove", "path": "/new"},
            ],
            POST,
        ),
    ],
)
def test_operations_are_applied_in_order(operations: object, expected: object) -> None:
    assert apply_operations(POST, operations) == expected


@pytest.mark.parametrize(
    ("operations", "where"),
    [
        (None, "#"),
        ({"op": "remove", "path": "/title"}, "#"),
        ("remove", "#"),
        ([{"op": "test", "path": "", "value": 1}] * 1001, "#"),
        ([1], "#/0"),
        ([None], "#/0"),
        ([[]], "#/0"),
        ([{}], "#/0"),
        ([{"op": "remove"}], "#/0"),
        ([{"op": "delete", "path": "/title"}], "#/0"),
        ([{"op": ["remove"], "path": "/title"}], "#/0"),
        ([{"op": "remove", "path": "title"}], "#/0"),
        ([{"op": "remove", "path": "/~2"}], "#/0"),
        ([{"op": "remove", "path": None}], "#/0"),
        ([{"op": "remove", "path": ["title"]}], "#/0"),
        ([{"op": "add", "path": "/title"}], "#/0"),
        ([{"op": "replace", "path": "/title"}], "#/0"),
        ([{"op": "test", "path": "/title"}], "#/0"),
        ([{"op": "move", "path": "/title"}], "#/0"),
        ([{"op": "copy", "path": "/title", "from": 1}], "#/0"),
        ([{"op": "copy", "path": "/title", "from": "x"}], "#/0"),
        ([{"op": "remove", "path": "/title"}, {"op": "nothing", "path": "/title"}], "#/1"),
    ],
)
def test_what_is_no_patch_is_malformed(operations: object, where: str) -> None:
    with pytest.raises(Malformed) as refusal:
        apply_operations(POST, operations)

    assert [fault.pointer for fault in refusal.value.faults] == [where]


def test_a_patch_is_read_whole_before_any_of_it_is_tried() -> None:
    operations = [{"op": "remove", "path": "/missing"}, {"op": "nothing", "path": ""}]

    with pytest.raises(Malformed):
        apply_operations(POST, operations)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "remove", "path": "/tags/2"},
        {"op": "remove", "path": "/tags/-"},
        {"op": "remove", "path": "/tags/x"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/missing/x", "value": 1},
        {"op": "add", "path": "/tags/3", "value": "c"},
        {"op": "add", "path": "/tags/01", "value": "c"},
        {"op": "add", "path": "/title/0", "value": "c"},
        {"op": "add", "path": "/summary/x", "value": 1},
        {"op": "replace", "path": "/title/0", "value": "c"},
        {"op": "move", "from": "/missing", "path": "/title"},
        {"op": "move", "from": "/a~1b", "path": "/a~1b/x"},
        {"op": "copy", "from": "/tags/9", "path": "/title"},
    ],
)
def test_a_missing_target_is_a_conflict(operation: object) -> None:
    with pytest.raises(
        PatchConflict, match=r"^operation 0 .* does not apply to the current state$"
    ):
        apply_operations(POST, [operation])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/title", "first!"),
        ("/title/0", "F"),
        ("/missing", None),
        ("/tags", ["b", "a"]),
        ("/a~1b/m~0n", True),
        ("/a~1b/m~0n", "1"),
    ],
)
def test_a_test_that_fails_is_a_conflict(path: str, value: object) -> None:
    with pytest.raises(PatchConflict) as refusal:
        apply_operations(POST, [{"op": "test", "path": path, "value": value}])

    text = f"operation 0 (test '{path}') failed: the current value is different"
    assert str(refusal.value) == text


def test_a_conflict_names_the_operation_and_shows_no_value() -> None:
    operations = [
        {"op": "test", "path": "/title", "value": "First!"},
        {"op": "test", "path": "/é", "value": "secret"},
    ]

    with pytest.raises(PatchConflict) as refusal:
        apply_operations(POST, operations)

    text = "operation 1 (test '/\\xe9') failed: the current value is different"
    assert str(refusal.value) == text


TOO_MUCH = "exceeds the 10000 values and pointer steps that a patch may have"
DEEP: object = 1
for _ in range(50):
    DEEP = {"x": DEEP}


@pytest.mark.parametrize(
    ("operations", "excessive"),
    [
        ([{"op": "copy", "from": "", "path": f"/x{n}"} for n in range(40)], 10),
        (
            [
                {"op": "add", "path": "/x", "value": [[]] * 4950},
                *[{"op": "test", "path": "/x", "value": [[]] * 4950}] * 999,
            ],
            2,
        ),
        (
            [
                {"op": "add", "path": "/x", "value": [0] * 4000},
                {"op": "copy", "from": "/x", "path": "/y"},
                {"op": "replace", "path": "/y", "value": 1},
                {"op": "copy", "from": "/x", "path": "/y"},
            ],
            3,
        ),
        ([{"op": "test", "path": "/x" * 4000, "value": 1}] * 3, 2),
        ([{"op": "move", "from": "/x" * 4000, "path": "/x" * 6000}], 0),
        ([{"op": "remove", "path": "/tags/0", "value": [0] * 10_000}], 0),
        ([{"op": "replace", "path": "", "value": {str(n): 0 for n in range(10_000)}}], 0),
    ],
)
def test_a_patch_of_too_much_work_is_refused_at_the_operation_that_exceeds_it(
    operations: list[object], excessive: int
) -> None:
    with pytest.raises(Malformed) as refusal:
        apply_operations(POST, operations)

    assert refusal.value.faults == (Fault(TOO_MUCH, pointer=f"#/{excessive}"),)


def test_a_patch_at_the_bound_is_applied() -> None:
    value = [0] * 9998

    assert apply_operations({}, [{"op": "replace", "path": "", "value": value}]) == value


def test_a_document_too_deep_to_copy_is_a_conflict() -> None:
    deepen = [{"op": "add", "path": "/x" * (50 * n + 1), "value": DEEP} for n in range(14)]

    with pytest.raises(PatchConflict, match=r"^operation 14 \(copy '/y'\) does not apply"):
        apply_operations({}, [*deepen, {"op": "copy", "from": "/x", "path": "/y"}])


@pytest.mark.parametrize("path", ["/~\ud800", "/~", "\ud800", "/a~", "~0", "/~0~2"])
def test_a_path_that_is_no_pointer_is_not_repeated(path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        apply_operations(POST, [{"op": "remove", "path": path}])

    text = "must have a path that is a JSON Pointer, such as /title"
    assert refusal.value.faults == (Fault(text, pointer="#/0"),)


def test_a_patch_of_the_most_operations_is_applied() -> None:
    operations = [{"op": "add", "path": "/tags/-", "value": "c"}] * 1000

    assert len(apply_operations(POST, operations)["tags"]) == 1002


OPERATIONS = st.lists(
    DOCUMENTS
    | st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
            "path": st.sampled_from(
                ["", "/", "/title", "/title/0", "/tags", "/tags/0", "/tags/-", "/summary/x", "/~"]
            )
            | DOCUMENTS,
        },
        optional={"from": st.sampled_from(["", "/title", "/tags/0", "/tags/-"]) | DOCUMENTS,
                  "value": DOCUMENTS},
    ),
    max_size=3,
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(OPERATIONS)
def test_any_operations_either_apply_or_are_refused_and_never_change_the_original(
    operations: list[object],
) -> None:
    original, given_operations = deepcopy(POST), deepcopy(operations)

    with suppress(Malformed, PatchConflict):
        apply_operations(original, operations)

    assert (original, operations) == (POST, given_operations)

"""Posts, as they are written: created, edited and deleted, within the rights of the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from blog.content.posts import (
    CONTENT_COLUMNS,
    LONG_TEXTS,
    OWN_COLUMNS,
    Post,
    PostContent,
    new_post_id,
    settle_date,
)
from blog.content.slugs import derive_slug
from blog.errors import BlogError, Forbidden, PreconditionFailed, StorageUnavailable
from blog.storage import permissions, revisions, tags
from blog.storage.access import Access, CallerRole, Transaction
from blog.storage.idempotency import IdempotencyKey, Outcome
from blog.storage.posts import columns, post_from
from blog.storage.preconditions import (
    Clauses,
    ConditionalWrite,
    Conditions,
    Precondition,
    next_version,
    until_written,
)
from blog.storage.slugs import claim_slug
from blog.storage.tables import post

if TYPE_CHECKING:
    from blog.content.markup import Renderer

Revise = Callable[[Post], PostContent]

# These are only true together: the HTML, and the version of the renderer that made it.
_HTML_COLUMNS = ("body_html", "rendering")


def create(
    access: Access,
    content: PostContent,
    key: IdempotencyKey | None = None,
    texts: frozenset[str] = LONG_TEXTS,
) -> Post:
    """Write a new post of the caller, committed when this returns.

    Where the key's request was processed before, write nothing and return the post that it made.
    Raises SlugTaken when the slug that the client chose belongs to another post, Forbidden when
    the caller's account has ended meanwhile, and Invalid as `IdempotencyKey.outcome` does.
    """
    if key and (first := key.outcome(access.session.reading())):
        return _as_post(access, first, texts)
    values = _new_values(access, content)

    def insert_it(transaction: Transaction) -> Post | Outcome:
        if key and (first := key.enter(transaction)):
            return first
        return insert_post(transaction, values, content, key)

    created = access.write(insert_it)
    return _as_post(access, created, texts) if isinstance(created, Outcome) else created


def _new_values(access: Access, content: PostContent) -> dict[str, Any]:
    """The columns of a new post, but for its slug."""
    post_id = new_post_id()
    return {
        **content_values(content, access),
        "id": post_id,
        "version": 1,
        "created_date": access.now,
        "previous_date": None,
        "updated_date": access.now,
        "author_name": access.author.name,
        **html_values(access.renderer, content, post_id, is_stored=False),
    }


def html_values(
    renderer: Renderer, content: PostContent, post_id: str, *, is_stored: bool
) -> dict[str, Any]:
    """The columns of the HTML.

    Raises Invalid as `Renderer.render` does, but for content that was stored before.
    """
    if is_stored:
        html, version = renderer.render_stored(content.body, content.format, post_id)
    else:
        html, version = renderer.render(content.body, content.format, post_id), renderer.version
    return {"body_html": html, "rendering": version}


def _as_post(access: Access, outcome: Outcome, texts: frozenset[str]) -> Post:
    """The post that a request made; its HTML is rendered only where it is requested."""
    return outcome.revision.as_post(access.renderer if "body_html" in texts else None)


def insert_post(
    transaction: Transaction,
    values: Mapping[str, Any],
    content: PostContent,
    key: IdempotencyKey | None,
) -> Post:
    """Insert a post that does not exist; ``values`` has all of its columns but the slug.

    Raises SlugTaken, and Forbidden as `create` does.
    """
    parameters = {**values, **transaction.access.parameters}
    parameters["slug"] = content.slug or derive_slug(content.title)
    if not transaction.insert(_INSERT_UNLESS_TAKEN, parameters):
        connection, post_id = transaction.connection, values["id"]
        parameters["slug"] = claim_slug(connection, content.slug, content.title, post_id)
        if not transaction.insert(_INSERT, parameters):
            raise _refusal(transaction)
    created = _as_inserted(parameters)
    tags.write(transaction, created)
    _record(transaction, None, created, key)
    return created


def _insertion(*conditions: ColumnElement[bool]) -> Insert:
    """The statement that inserts a post, where the caller may and under these conditions."""
    names = [column.name for column in post.c if column.computed is None]
    values = select(*(bindparam(name, type_=post.c[name].type) for name in names))
    return insert(post).from_select(
        names, values.where(permissions.still_authorized(), *conditions)
    )


_other = post.alias("other")
_INSERT = _insertion()
# Most slugs are free, and need no lookup of their own.
_INSERT_UNLESS_TAKEN = _insertion(~exists().where(_other.c.slug == bindparam("slug")))


def _as_inserted(values: Mapping[str, Any]) -> Post:
    """The post that was inserted with these values, as its author sees it."""
    sort_date = values["posted_date"] or values["created_date"]
    stored = {**values, "sort_date": sort_date, "editable": True}
    content = PostContent.model_construct(**{name: values[name] for name in CONTENT_COLUMNS})
    return Post(written=content, **{name: stored[name] for name in (*OWN_COLUMNS, "editable")})


def _record(
    transaction: Transaction, before: Post | None, after: Post, key: IdempotencyKey | None
) -> None:
    """Add the revision, and the outcome of the request that has a key."""
    if key:
        key.store(transaction.connection, after)
    revisions.record(transaction, before, after)


def _refusal(transaction: Transaction) -> BlogError:
    """Why nothing was written: the account has ended, or a foreign trigger prevented it."""
    access = transaction.access
    authorized = select(permissions.still_authorized())
    if transaction.connection.scalar(authorized, access.parameters):
        return StorageUnavailable(
            "the database did not store a write, as if a foreign trigger prevented it"
        )
    return Forbidden(f"{access.author.name!r} may no longer write")


def edit(access: Access, post_id: str, precondition: Precondition, revise: Revise) -> Post:
    """Change a post to the content that ``revise`` returns for it, committed when this returns.

    ``revise`` is called again when another change interferes. Equal content writes nothing, but
    for the HTML if another version of the renderer made it.
    Raises NotFound, Forbidden, PreconditionFailed or SlugTaken, and what ``revise`` raises.
    """
    write = conditional_write(access, post_id, precondition)

    def attempt() -> Post | None:
        current = load(access.session.reading(), write)
        content = revise(current)
        if is_unchanged(current, content, access):
            return current
        return update_post(access, write, current, content)

    return until_written(attempt, "post")


def remove(access: Access, post_id: str, precondition: Precondition) -> None:
    """Delete a post, committed when this returns.

    Raises NotFound, Forbidden or PreconditionFailed.
    """
    write = conditional_write(access, post_id, precondition)

    def delete_it(transaction: Transaction) -> None:
        connection = transaction.connection
        current = load(connection, write)
        statement = _delete_statement(write.conditions)
        created = connection.scalar(statement, write.values(current.version))
        if created is None:
            raise _refusal(transaction)
        revisions.record_deletion(transaction, current, created)

    access.write(delete_it)


def conditional_write(access: Access, post_id: str, precondition: Precondition) -> ConditionalWrite:
    """A write to the post with this id, where the caller may and the precondition is met."""
    conditions = _conditions(access.role, precondition.clauses)
    return ConditionalWrite(conditions, precondition, {"post_id": post_id, **access.parameters})


@cache
def _conditions(role: CallerRole, clauses: Clauses) -> Conditions:
    return Conditions(
        table=post,
        found=(post.c.id == bindparam("post_id")) & permissions.visible(post, role),
        editable=permissions.editable(post, role) & permissions.still_authorized(),
        holds=clauses.holds(post),
    )


@cache
def _delete_statement(conditions: Conditions) -> ReturningDelete[Any]:
    return delete(post).where(conditions.unchanged()).returning(post.c.created_date)


def load(connection: Connection, write: ConditionalWrite) -> Post:
    """The post that is to be changed. Raises NotFound, Forbidden or PreconditionFailed."""
    row = write.load(connection, columns())
    current = post_from(row)
    if not row.holds:
        changed = revisions.changed_since(connection, write.precondition, current)
        raise PreconditionFailed("the post has changed since", current, changed)
    return current


def update_post(
    access: Access,
    write: ConditionalWrite,
    current: Post,
    content: PostContent,
    key: IdempotencyKey | None = None,
    *,
    is_restored: bool = False,
) -> Post | None:
    """Write changed content; return None where the post has changed since it was loaded.

    Content that equals the present one writes no version. Restored content is not refused. Raises
    SlugTaken, and Invalid as `Renderer.render` does.
    """
    rendered = _rendered_anew(access.renderer, current, content, is_restored=is_restored)
    values = rendered | _edited_values(access, current, content)

    def update_it(transaction: Transaction) -> Post | None:
        connection = transaction.connection
        if key and key.enter(transaction):
            return None
        if content.slug != current.written.slug:
            values["slug"] = claim_slug(connection, content.slug, content.title, current.id)
        # The derived slug may be the one that the post has.
        settled = content.model_copy(update={"slug": values.get("slug", content.slug)})
        if has_content(current, settled, access):
            return _keep_version(connection, write, current, rendered, key=key)
        edited = _update(connection, write, current, values)
        if edited is not None:
            tags.rewrite(transaction, current, edited)
            _record(transaction, current, edited, key)
        return edited

    return access.write(update_it)


def _edited_values(access: Access, current: Post, content: PostContent) -> dict[str, Any]:
    values = content_values(content, access)
    return values | next_version(current.version, current.updated_date, access.now)


def _rendered_anew(
    renderer: Renderer, current: Post, content: PostContent, *, is_restored: bool
) -> dict[str, Any]:
    """The columns of the HTML, if it is to be made anew; only a new body is refused.

    Raises Invalid as `Renderer.render` does.
    """
    before = current.written
    is_new = (content.body, content.format) != (before.body, before.format)
    if not is_new and renderer.is_current(current.rendering):
        return {}
    return html_values(renderer, content, current.id, is_stored=is_restored or not is_new)


def _update(
    connection: Connection, write: ConditionalWrite, current: Post, values: Mapping[str, Any]
) -> Post | None:
    """Write the values that differ; return None where the post has changed since."""
    changed = _changed(current, values)
    statement = _update_statement(write.conditions, tuple(changed))
    bound = {f"new_{name}": value for name, value in changed.items()}
    row = connection.execute(statement, write.values(current.version) | bound).first()
    return None if row is None else post_from(row)


def _changed(current: Post, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ, and those of the HTML, which may be another one meanwhile.

    Rendering a post anew is no new version, so that no condition detects it.
    """
    present = {**current._asdict(), **vars(current.content)}
    return {
        name: value
        for name, value in values.items()
        if name in _HTML_COLUMNS or present[name] != value
    }


@lru_cache(maxsize=256)
def _update_statement(
    conditions: Conditions, names: tuple[str, ...]
) -> ReturningUpdate[*tuple[Any, ...]]:
    # Indexes of columns that do not change need not be written.
    new = {name: bindparam(f"new_{name}", type_=post.c[name].type) for name in names}
    statement = update(post).where(conditions.unchanged()).values(new)
    return statement.returning(*columns(), true().label("editable"))


def _keep_version(
    connection: Connection,
    write: ConditionalWrite,
    current: Post,
    rendered: Mapping[str, Any],
    key: IdempotencyKey | None,
) -> Post | None:
    """Keep a post at its version, perhaps with new HTML.

    Returns None where it has changed since it was loaded.
    """
    if rendered:
        kept = _update(connection, write, current, rendered)
    else:
        kept = _lock(connection, write, current)
    if key and kept:
        key.store(connection, kept, written=False)
    return kept


def _lock(connection: Connection, write: ConditionalWrite, current: Post) -> Post | None:
    statement = _lock_statement(write.conditions)
    row = connection.execute(statement, write.values(current.version)).first()
    return None if row is None else current


@cache
def _lock_statement(conditions: Conditions) -> Select[Any]:
    return select(post.c.id).where(conditions.unchanged()).with_for_update()


def content_values(content: PostContent, access: Access) -> dict[str, Any]:
    """The columns that follow from the content alone: all but the slug."""
    values = {name: getattr(content, name) for name in CONTENT_COLUMNS if name != "slug"}
    return {**values, "posted_date": settle_date(content, access.now)}


def is_unchanged(current: Post, content: PostContent, access: Access) -> bool:
    """Whether nothing is to be written: a post has this content, and HTML of this program."""
    return access.renderer.is_current(current.rendering) and has_content(current, content, access)


def has_content(current: Post, content: PostContent, access: Access) -> bool:
    """Whether a post has this content already."""
    settled = {
        **content_values(content, access),
        "slug": content.slug or derive_slug(content.title),
    }
    return all(getattr(current.written, name) == value for name, value in settled.items())

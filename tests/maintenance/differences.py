"""The result of the comparison of a schema."""

from __future__ import annotations

from blog.database.database import Database
from blog.maintenance.schema_comparison import Comparison

# What is reported of an addition.
FOREIGN = "is not part of this program's schema and may make writes fail: remove it if unintended"
UNFINISHED = (
    "is not part of this program's schema and not valid: remove it unless it is being built"
)


def differences(database: Database) -> list[str]:
    """How the schema differs by now."""
    with database.session() as session:
        comparison = Comparison(session.reading())
        return [*comparison.differences(), *comparison.additions()]

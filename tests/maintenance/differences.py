"""What the comparison of a schema says of it."""

from __future__ import annotations

from blog.database.database import Database
from blog.maintenance.schema_comparison import Comparison

# How a thing is told that may refuse or change what is written.
FOREIGN = "is not part of this program's schema and may make writes fail: remove it if unintended"
UNFINISHED = (
    "is not part of this program's schema and not valid: remove it unless it is being built"
)


def differences(database: Database) -> list[str]:
    """How the schema differs by now."""
    with database.session() as session:
        comparison = Comparison(session.reading())
        return [*comparison.differences(), *comparison.additions()]

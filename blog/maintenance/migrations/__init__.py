"""The migrations, from the first schema to the newest."""

from __future__ import annotations

from pathlib import Path

# The newest revision, by the names of the modules: most starts need not import Alembic.
HEAD = max(path.name for path in Path(__file__).parent.glob("versions/0*.py"))[:4]

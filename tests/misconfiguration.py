"""Settings that stop the start."""

from __future__ import annotations

import pytest

from blog.errors import InvalidSetting
from blog.settings import read_settings


def refused(monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    """Assert that these settings stop the start; give what is said about it."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting) as caught:
        read_settings()
    return str(caught.value)

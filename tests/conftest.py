"""What every test shares: a clean environment, the optional folder of recordings, patient properties."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# Shared two-core machines pause for seconds: time is no part of a property, and a slow example no failure.
settings.register_profile("antiphon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("antiphon")

SHARED_ENV = "ANTIPHON_SHARED"
_given = os.environ.get(SHARED_ENV)
SHARED = Path(_given) if _given else ROOT.parent / "shared"

for _name in [name for name in os.environ if name.startswith("ANTIPHON_") and name != SHARED_ENV]:
    del os.environ[_name]  # a server that a test starts is configured by that test alone


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings and measured facts; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder of recordings (set {SHARED_ENV})")
    return SHARED

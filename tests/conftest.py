"""What every test shares: a clean environment and patient property tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# Shared two-core machines pause for seconds: time is no part of a property, and a slow example no failure.
settings.register_profile("antiphon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("antiphon")

# What a test starts is configured by that test alone; these tell the tests where things are.
_KEPT = ("ANTIPHON_SHARED", "ANTIPHON_VLLM_URL", "ANTIPHON_CODEX")
for _name in [name for name in os.environ if name.startswith("ANTIPHON_") and name not in _KEPT]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.checker.drift import sdk


@pytest.fixture(scope="session")
def sdk_cache(request: pytest.FixtureRequest) -> Path:
    """Fetched SDKs, kept from run to run."""
    return Path(request.config.cache.mkdir("sdks"))


@pytest.fixture(scope="session")
def package_index(sdk_cache: Path) -> Path:
    """The cache, where a package index can be asked; skips where not."""
    try:
        sdk.fetched("2.8.1", sdk_cache)
    except sdk.Unobtainable as exc:
        pytest.skip(f"no openai 2.8.1: {exc}")
    return sdk_cache

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contract.store.rig import RIGS, Rig

from antiphon.ports import Store


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    made = RIGS[request.param](tmp_path)
    yield made
    await made.aclose()


@pytest.fixture
async def store(rig: Rig) -> Store:
    return await rig.open()

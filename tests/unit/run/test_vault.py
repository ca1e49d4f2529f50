"""Sealed reasoning: what is not ours, or not whole, opens to nothing and breaks nothing."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from tests.support.house import TestClock

from antiphon.config import ReasoningSettings, StoreSettings
from antiphon.run.vault import PREFIX, Vault
from antiphon.store import open_store


async def test_only_whole_tokens_of_the_same_tenant_open(tmp_path: Path) -> None:
    clock = TestClock()
    store = open_store(StoreSettings(url=f"sqlite:///{tmp_path}/keys.db"), clock)
    await store.open()
    try:
        vault = Vault(store, ReasoningSettings(), clock)
        await vault.rotate()
        token = vault.sealer("me")("thought")
        assert vault.open("me", token) == "thought"
        assert vault.open("you", token) is None
        raw = base64.urlsafe_b64decode(token.removeprefix(PREFIX))
        for length in range(len(raw)):
            cut = PREFIX + base64.urlsafe_b64encode(raw[:length]).decode()
            assert vault.open("me", cut) is None, length
    finally:
        await store.aclose()


@pytest.mark.parametrize("token", ["", "gAAAA", PREFIX, PREFIX + "!", PREFIX + "é", PREFIX + "A" * 5])
def test_foreign_tokens_open_to_nothing(token: str, tmp_path: Path) -> None:
    store = open_store(StoreSettings(url=f"sqlite:///{tmp_path}/none.db"))
    assert Vault(store, ReasoningSettings(), TestClock()).open("me", token) is None

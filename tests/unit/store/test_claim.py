"""One serving process per database."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown
from antiphon.store.claim import claimed


def test_a_second_server_on_the_same_database_is_refused(tmp_path: Path) -> None:
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/data/antiphon.db")
    with claimed(settings), pytest.raises(StoreDown, match="another antiphon process"), claimed(settings):
        pass
    with claimed(settings):
        pass


def test_private_databases_need_no_claim() -> None:
    settings = StoreSettings(url="memory:")
    with claimed(settings), claimed(settings):
        pass

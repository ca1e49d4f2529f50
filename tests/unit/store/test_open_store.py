from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown
from antiphon.store import open_store
from antiphon.store.sqlite.place import Place, place_of


def test_where_urls_lead() -> None:
    assert place_of(StoreSettings()) == Place(Path("antiphon-data/antiphon.db"), Path("antiphon-data/blobs"))
    assert place_of(StoreSettings(url="sqlite:///a.db")) == Place(Path("a.db"), Path("blobs"))
    assert place_of(StoreSettings(url="sqlite:////x/a.db")) == Place(Path("/x/a.db"), Path("/x/blobs"))
    placed = place_of(StoreSettings(url="sqlite:////x/a.db", blob_dir="/y"))
    assert placed == Place(Path("/x/a.db"), Path("/y"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/antiphon",
        "mysql://x",
        "antiphon.db",
        "",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///x/",
    ],
)
def test_urls_that_lead_nowhere(url: str) -> None:
    with pytest.raises(StoreDown, match="sqlite:////absolute"):
        open_store(StoreSettings(url=url))


@pytest.mark.parametrize("url", ["memory:", "sqlite://:memory:"])
async def test_a_private_database_goes_with_its_store(url: str) -> None:
    place = place_of(StoreSettings(url=url))
    assert place.private is not None
    place.leave()
    stores = [open_store(StoreSettings(url=url)) for _ in range(2)]
    for store in stores:
        await store.open()
    await stores[0].add_key("p", "k", 1.0, b"k")
    assert await stores[0].keys("p") == [("k", 1.0, b"k")]
    assert await stores[1].keys("p") == []
    for store in stores:
        folder = store._place.private  # pyright: ignore
        assert folder.is_dir()
        await store.aclose()
        assert not folder.exists()


async def test_folders_are_made_for_their_owner_only(tmp_path: Path) -> None:
    store = open_store(StoreSettings(url=f"sqlite:///{tmp_path}/deep/er/store.db"))
    await store.open()
    await store.aclose()
    assert (tmp_path / "deep" / "er").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (tmp_path / "deep" / "er").iterdir()) == ["blobs", "store.db"]


async def test_a_store_that_is_not_open() -> None:
    store = open_store(StoreSettings(url="memory:"))
    assert await store.ready() is False
    with pytest.raises(StoreDown, match="not open"):
        await store.get("t", "r")
    await store.aclose()

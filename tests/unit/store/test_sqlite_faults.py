from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from antiphon.config import StoreSettings
from antiphon.ports import EndedResponse, NewResponse, Store, StoreDown, StoreFull
from antiphon.store import open_store


@asynccontextmanager
async def opened(folder: Path, **changes: Any) -> AsyncIterator[Store]:
    settings: dict[str, Any] = {"url": f"sqlite:///{folder}/store.db", "sweep_grace_s": 0.0}
    store = open_store(StoreSettings(**(settings | changes)))
    try:
        await store.open()
        yield store
    finally:
        await store.aclose()


async def save(store: Store, id: str, text: str = "hello") -> None:
    accepted = NewResponse("t", {"id": id, "status": "in_progress"}, [{"id": "m", "text": text}])
    await store.end_new(accepted, EndedResponse("t", {"id": id, "status": "completed", "output": []}))


async def fill(store: Store, name: str) -> list[str]:
    """Save until there is no room: what was saved, and the message."""
    saved: list[str] = []
    while len(saved) < 1000:
        try:
            await save(store, f"{name}{len(saved)}", "x" * 10_000)
        except StoreFull as error:
            return [*saved, str(error)]
        saved.append(f"{name}{len(saved)}")
    raise AssertionError("there is always room")


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreDown, match=r"file/store\.db: .*cannot be used"):
        async with opened(tmp_path / "file"):
            pass


async def test_a_folder_in_place_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreDown, match="cannot be opened"):
        async with opened(tmp_path):
            pass


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("once upon a time " * 1000)
    with pytest.raises(StoreDown, match="damaged or not a SQLite database"):
        async with opened(tmp_path):
            pass


async def test_a_damaged_database(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for n in range(200):
            await save(store, f"r{n}", "x" * 2000)
    file = tmp_path / "store.db"
    with file.open("r+b") as pages:
        for page in range(60, file.stat().st_size // 4096):  # past the schema
            pages.seek(page * 4096)
            pages.write(b"\xff" * 4096)
    async with opened(tmp_path) as store:
        with pytest.raises(StoreDown, match="damaged"):
            await store.context("t", "r150")
        with pytest.raises(StoreDown, match="damaged"):
            await save(store, "new")
        assert await store.ready() is False


async def test_another_process_holds_the_database(tmp_path: Path) -> None:
    async with opened(tmp_path, busy_timeout_s=0.05) as store:
        await save(store, "before")
        other = apsw.Connection(f"{tmp_path}/store.db")
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(save(store, f"r{n}") for n in range(20)), return_exceptions=True)
        assert {str(result) for result in results} == {
            "another process has held the database locked for longer than busy_timeout_s"
        }
        assert {type(result) for result in results} == {StoreDown}
        assert await store.ready() is False
        assert await store.get("t", "before") is not None
        other.execute("ROLLBACK")
        await save(store, "after")
        assert await store.ready() is True


async def test_another_process_holds_the_database_for_a_while(tmp_path: Path) -> None:
    async with opened(tmp_path, busy_timeout_s=30.0) as store:
        other = apsw.Connection(f"{tmp_path}/store.db")
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(save(store, "r"))
        await store.get("t", "r")
        assert not write.done()
        other.execute("ROLLBACK")
        await write


async def test_max_bytes(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=400_000) as store:
        *saved, message = await fill(store, "first")
        assert message.endswith("max_bytes is 400000")
        assert 15 <= len(saved) <= 35
        writes = [save(store, "big", "x" * 50_000), save(store, "small")]
        big, small = await asyncio.gather(*writes, return_exceptions=True)
        assert (type(big), small) == (StoreFull, None)
        for name in saved:
            assert await store.delete("t", name)
        assert dict(await store.sweep(1e12))["responses"] == len(saved)
        assert len(await fill(store, "second")) >= len(saved)


async def test_a_full_store_still_takes_the_key_that_a_start_needs(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=1) as store:
        await store.add_key("reasoning", "k", 1.0, b"key")
        assert await store.keys("reasoning") == [("k", 1.0, b"key")]


async def test_max_bytes_counts_blobs(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=1_000_000, blob_threshold_bytes=1000) as store:
        for n in range(4):
            await save(store, f"r{n}", str(n) * 200_000)
        await save(store, "same", "3" * 200_000)
        with pytest.raises(StoreFull):
            await save(store, "more", "4" * 200_000)
        await store.delete("t", "r0")
        assert dict(await store.sweep(1e12))["blobs"] >= 1
        await save(store, "more", "4" * 200_000)


@contextmanager
def biggest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_no_room_for_a_blob(tmp_path: Path) -> None:
    async with opened(tmp_path, blob_threshold_bytes=1000) as store:
        await save(store, "before", "x" * 2000)
        with biggest_file(1_000_000):
            with pytest.raises(StoreFull, match="disk of the blobs"):
                await save(store, "r", "x" * 2_000_000)
            await save(store, "small", "y" * 2000)
        assert await store.get("t", "r") is None
        assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 2
        await save(store, "r", "x" * 2_000_000)
        assert await store.context("t", "r") == [{"id": "m", "text": "x" * 2_000_000}]


async def test_no_room_for_the_database(tmp_path: Path) -> None:
    """`max_page_count` makes SQLite itself report a full disk."""
    store = open_store(StoreSettings(url=f"sqlite:///{tmp_path}/store.db", blob_threshold_bytes=1_000_000))
    await store.open()
    await save(store, "before")
    await store._write(lambda tx: tx.connection.pragma("max_page_count", 60))  # pyright: ignore
    writes = [save(store, f"r{n}", "x" * (300_000 if n == 5 else 10)) for n in range(10)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [StoreFull if n == 5 else type(None) for n in range(10)]
    *_, message = await fill(store, "fill")
    assert message == "no room: the disk of the database is full"
    assert await store.get("t", "before") is not None
    assert await store.ready() is True
    assert await store.delete("t", "before")
    await store.aclose()

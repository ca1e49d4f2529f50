"""Disks that are full, read-only or damaged, and databases that are locked or gone: no answer is a lie."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.faults import Answer, Front, front_of, lawful, told_failure, until
from tests.support.scenarios import script
from tests.support.server import start, stop

JSON = dict[str, Any]
BUSY = ("--set", "store.busy_timeout_s=0.2")
WAYS: tuple[JSON, ...] = ({}, {"stream": True}, {"background": True}, {"background": True, "stream": True})


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is; the file to remove for it."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


async def said(front: Front, **way: Any) -> Answer:
    return await front.create(model="scripted", input="hello", **way)


async def kept(front: Front, answer: Answer) -> JSON:
    """What was told as completed is stored exactly so."""
    assert answer.status == 200, answer.raw
    final = answer.events[-1]["response"] if answer.raw.startswith(b"event") else answer.json
    if final["background"] and final["status"] != "completed":

        async def ended() -> bool:
            return (await front.get(final["id"]))["status"] == "completed"

        await until(ended, "the background response completes")
        return await front.get(final["id"])
    assert final["status"] == "completed"
    assert await front.get(final["id"]) == final
    return final


async def not_completed(front: Front, answer: Answer) -> None:
    """Refused as something to try again, or failed; in no case completed, now or later."""
    if answer.status != 200:
        assert (answer.status, answer.error["code"]) == (503, "server_is_overloaded")
        assert int(answer.headers["retry-after"]) > 0
        return
    if answer.raw.startswith(b"event"):
        told_failure(answer.events)
        final = answer.events[-1]["response"]
    else:
        final = answer.json
        assert final["status"] == "failed"
    found = await front.ask("GET", f"/responses/{final['id']}")
    assert found.status == 404 or found.json["status"] == "failed", found.raw


async def still_reads(front: Front, known: JSON) -> None:
    """What needs no store works on, and what was stored is there."""
    assert (await said(front, store=False)).json["status"] == "completed"
    assert (await said(front, store=False, stream=True)).events[-1]["type"] == "response.completed"
    assert await front.get(known["id"]) == known
    assert (await front.ask("GET", f"/responses/{known['id']}/input_items")).status == 200


async def refuses(front: Front) -> None:
    for way in WAYS:
        await not_completed(front, await said(front, **way))
    created = await front.ask("POST", "/conversations", json={})
    assert (created.status, created.error["code"]) == (503, "server_is_overloaded")


async def works(front: Front) -> None:
    for way in WAYS:
        await kept(front, await said(front, **way))


async def test_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """Also for responses under way, and for those in the background; no restart is needed afterwards."""
    async with front_of(tmp_path, database=str(disk / "a.db")) as front:
        known = await kept(front, await said(front))
        fifo = [
            asyncio.create_task(
                front.create(model="scripted", input=script("say a", "wait 1", "say b"), stream=True)
            )
            for _ in range(3)
        ]
        behind = (
            await front.create(model="scripted", input=script("say a", "wait 1", "say b"), background=True)
        ).json

        async def begun() -> bool:
            return (await front.numbers()).get('antiphon_active_streams{transport="sse"}') == 3

        await until(begun, "three streams have begun")
        ballast = fill(disk)
        await refuses(front)
        await still_reads(front, known)
        told = [await task for task in fifo]
        for one in told:
            told_failure(one.events)
            await not_completed(front, one)

        async def over() -> bool:
            return (await front.get(behind["id"]))["status"] == "failed"

        await until(over, "the background response fails")
        ballast.unlink()
        await works(front)
        for one in told:
            await lawful(front, one.events)
        path = f"/responses/{behind['id']}?stream=true&include_obfuscation=false"
        final = await lawful(front, (await front.ask("GET", path)).events)
        assert final["status"] == "failed"
        assert {"store_failure" in name for name in await front.incidents()} == {True}
    # And after a start on what the full disk left behind.
    async with front_of(tmp_path, database=str(disk / "a.db")) as front:
        assert await front.get(known["id"]) == known
        for one in told:
            assert await front.get(one.events[0]["response"]["id"]) == one.events[-1]["response"]
        await works(front)


async def test_an_orderly_end_on_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """What cannot be stored does not keep the server; the next start ends what it left open."""
    running = script("say a", "wait 60")
    async with front_of(tmp_path, database=str(disk / "a.db")) as front:
        behind = (await front.create(model="scripted", input=running, background=True)).json
        long = asyncio.create_task(front.create(model="scripted", input=running, stream=True))
        ending = script("say a", "wait 0.5")
        short = asyncio.create_task(front.create(model="scripted", input=ending, stream=True))

        async def begun() -> bool:
            return (await front.numbers()).get('antiphon_active_streams{transport="sse"}') == 2

        await until(begun, "two streams have begun")
        ballast = fill(disk)
        told_failure((await short).events)
        front.server.process.terminate()
        await until(lambda: front.server.process.poll() is not None, "the server ends")
        assert front.server.process.returncode == 0
        told_failure((await long).events)
    ballast.unlink()
    async with front_of(tmp_path, database=str(disk / "a.db")) as front:
        for answer in (short, long):
            assert (await front.get(answer.result().events[0]["response"]["id"]))["status"] == "failed"
        path = f"/responses/{behind['id']}?stream=true&include_obfuscation=false"
        assert (await lawful(front, (await front.ask("GET", path)).events))["status"] == "failed"


async def test_a_full_store(tmp_path: Path) -> None:
    """`store.max_bytes`: as a full disk, and what is deleted makes room again."""
    async with front_of(tmp_path, "--set", "store.max_bytes=300000") as front:
        made: list[JSON] = []
        while (answer := await front.create(model="scripted", input="x" * 40_000)).json.get(
            "status"
        ) == "completed":
            made.append(answer.json)
            assert len(made) < 20
        await not_completed(front, answer)
        large = {"model": "scripted", "input": "x" * 40_000}
        for way in WAYS:
            await not_completed(front, await front.create(**large, **way))
        assert [await front.get(one["id"]) for one in made] == made


async def test_a_database_that_another_process_locks(tmp_path: Path) -> None:
    async with front_of(tmp_path, *BUSY) as front:
        known = await kept(front, await said(front))
        with closing(sqlite3.connect(tmp_path / "antiphon.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await front.ready() == 503
            await refuses(front)
            await still_reads(front, known)
            other.execute("ROLLBACK")
        assert await front.ready() == 200
        await works(front)


def lose(folder: Path, *, replaced: bool) -> None:
    for file in folder.glob("antiphon.db*"):
        file.unlink()
    if replaced:
        (folder / "antiphon.db").write_bytes(b"")


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_a_database_that_is_gone(tmp_path: Path, how: str) -> None:
    """SQLite would go on writing to the file that nobody can open again."""
    async with front_of(tmp_path) as front:
        await kept(front, await said(front))
        lose(tmp_path, replaced=how == "replaced")
        await refuses(front)
        assert await front.ready() == 503
        assert (await said(front, store=False)).json["status"] == "completed"
        reasons = {line["reason"] for line in front.server.lines() if line["event"] == "store failed"}
        assert reasons == {"the database file was deleted or replaced under the server; start it again"}
    async with front_of(tmp_path) as front:
        await works(front)


# ---------- at the start


@asynccontextmanager
async def damaged(folder: Path) -> AsyncIterator[bytearray]:
    """The database of a server that has ended, to be changed."""
    async with front_of(folder) as front:
        for _ in range(30):
            await said(front)
    data = bytearray((folder / "antiphon.db").read_bytes())
    yield data
    (folder / "antiphon.db").write_bytes(data)


def refusal(folder: Path, *flags: str, database: str = "antiphon.db") -> str:
    """The one line with which a server ends that cannot start; its exit code is 1."""
    with pytest.raises(RuntimeError) as caught:
        stop(start(folder, *flags, database=database))
    [line] = str(caught.value).partition("\n")[2].strip().splitlines()
    assert line.startswith("antiphon: ")
    return line


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "antiphon.db").write_bytes(random.Random(1).randbytes(8192))
    assert "damaged or not a SQLite database" in refusal(tmp_path)


async def test_a_database_that_is_damaged(tmp_path: Path) -> None:
    async with damaged(tmp_path) as data:
        for page in range(2, len(data) // 4096):
            data[page * 4096 : page * 4096 + 2000] = random.Random(page).randbytes(2000)
    assert "damaged" in refusal(tmp_path)


async def test_a_page_that_is_damaged_spoils_only_what_is_on_it(tmp_path: Path) -> None:
    """Never a wrong answer, never a hang; what cannot be read is a 503, the rest is served."""
    ids: list[str] = []
    async with front_of(tmp_path) as front:
        ids += [(await said(front)).json["id"] for _ in range(40)]
        known = {one: await front.get(one) for one in ids}
    data = bytearray((tmp_path / "antiphon.db").read_bytes())
    at = data.index(ids[20].encode())
    page = at // 4096 * 4096
    data[page : page + 4096] = random.Random(3).randbytes(4096)
    (tmp_path / "antiphon.db").write_bytes(data)
    async with front_of(tmp_path) as front:
        for one in ids:
            found = await front.ask("GET", f"/responses/{one}")
            assert found.status in (200, 404, 503), found.raw
            assert found.status != 200 or found.json == known[one]


def test_a_locked_database_at_the_start(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "antiphon.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "another process has held the database locked" in refusal(tmp_path, *BUSY)


async def test_a_second_server_on_the_same_database(tmp_path: Path) -> None:
    """It would end the first one's responses as interrupted."""
    async with front_of(tmp_path) as front:
        assert "antiphon.db" in refusal(tmp_path)
        await works(front)


def test_a_read_only_disk(disk: Path, tmp_path: Path) -> None:
    stop(start(tmp_path, database=str(disk / "a.db")))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name in ("a.db", "new.db"):
        assert "ead-only" in refusal(tmp_path, database=str(disk / name))


def test_a_read_only_file(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write to read-only files")
    stop(start(tmp_path))
    (tmp_path / "antiphon.db").chmod(0o444)
    assert "cannot be opened, read or written" in refusal(tmp_path)


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert str(tmp_path / "x") in refusal(tmp_path, database="x/y.db")


def test_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "antiphon.db").mkdir()
    assert "cannot be opened, read or written" in refusal(tmp_path)


def test_a_disk_without_room_at_the_start(disk: Path, tmp_path: Path) -> None:
    fill(disk)
    assert "no room" in refusal(tmp_path, database=str(disk / "a.db")).lower()

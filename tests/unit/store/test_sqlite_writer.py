from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown
from antiphon.store.blobs import BlobFiles
from antiphon.store.sqlite.connection import connect_writer
from antiphon.store.sqlite.mailbox import Call, Mailbox
from antiphon.store.sqlite.migrations import migrate, read_migrations
from antiphon.store.sqlite.session import Transaction
from antiphon.store.sqlite.writer import MAX_GROUP, Writer


class Recording:
    """A connection that notes the transactions."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statements: str, bindings: Any = None) -> Any:
        if statements in ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
            self.statements.append(statements)
        return self._connection.execute(statements, bindings)


class Bench:
    def __init__(self, folder: Path) -> None:
        plain = connect_writer(folder / "store.db", StoreSettings())
        migrate(plain, read_migrations(), 0.0)
        plain.execute("CREATE TABLE done (n INTEGER PRIMARY KEY)")
        self.connection = Recording(plain)
        self.blobs = BlobFiles(folder / "blobs")
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.writer = Writer(self.connection, self.blobs, None, 1000)

    async def hold(self) -> asyncio.Task[None]:
        """Keep the thread busy until `gate` is set."""

        def wait(_: Transaction) -> None:
            self.entered.set()
            self.gate.wait(60)

        task = asyncio.create_task(self.writer.write(wait))
        await asyncio.to_thread(self.entered.wait, 60)
        return task

    def insert(self, n: int) -> Callable[[Transaction], int]:
        def work(tx: Transaction) -> int:
            tx.connection.execute("INSERT INTO done VALUES (?)", (n,))
            return n

        return work

    async def done(self) -> list[int]:
        rows = await self.writer.write(lambda tx: tx.connection.execute("SELECT n FROM done").fetchall())
        return sorted(n for (n,) in rows)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.gate.set()
    await made.writer.aclose()


async def held_writes(bench: Bench, works: Sequence[Callable[[Transaction], Any]]) -> list[Any]:
    """All works wait while the thread is busy, then run as one group."""
    held = await bench.hold()
    tasks = [asyncio.create_task(bench.writer.write(work)) for work in works]
    await asyncio.sleep(0)
    bench.connection.statements.clear()
    bench.gate.set()
    await held
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_waits_is_committed_once(bench: Bench) -> None:
    assert await held_writes(bench, [bench.insert(n) for n in range(100)]) == list(range(100))
    assert bench.connection.statements == ["COMMIT", "BEGIN IMMEDIATE", "COMMIT"]
    assert await bench.done() == list(range(100))


async def test_a_group_is_bounded(bench: Bench) -> None:
    await held_writes(bench, [bench.insert(n) for n in range(MAX_GROUP + 1)])
    assert bench.connection.statements == ["COMMIT", *["BEGIN IMMEDIATE", "COMMIT"] * 2]


async def test_one_wake_per_group(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    answer = Mailbox.answer

    def note(self: Mailbox[Any], calls: Sequence[Call[Any, Any]]) -> None:
        groups.append(len(calls))
        answer(self, calls)

    monkeypatch.setattr(Mailbox, "answer", note)
    await held_writes(bench, [bench.insert(n) for n in range(100)])
    assert groups == [1, 100]


async def test_a_failing_write_spoils_no_other(bench: Bench) -> None:
    def bug(tx: Transaction) -> None:
        tx.connection.execute("INSERT INTO done VALUES (1000)")
        raise ZeroDivisionError("a bug")

    works = [bug if n == 3 else bench.insert(n) for n in range(6)]
    results = await held_writes(bench, works)
    assert isinstance(results.pop(3), ZeroDivisionError)
    assert results == [0, 1, 2, 4, 5]
    assert await bench.done() == [0, 1, 2, 4, 5]


async def test_the_thread_outlives_its_work(bench: Bench) -> None:
    for error in (ZeroDivisionError, MemoryError):

        def work(tx: Transaction, error: type[Exception] = error) -> None:
            raise error

        with pytest.raises(error):
            await bench.writer.write(work)
    assert await bench.writer.write(bench.insert(1)) == 1


async def test_cancelled_waiters_leave_the_others(bench: Bench) -> None:
    held = await bench.hold()
    tasks = [asyncio.create_task(bench.writer.write(bench.insert(n))) for n in range(6)]
    await asyncio.sleep(0)
    for n in (0, 3):
        tasks[n].cancel()
    bench.gate.set()
    await held
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, False, False, True, False, False]
    assert await bench.done() == [0, 1, 2, 3, 4, 5]


async def test_one_caller_is_served_in_order(bench: Bench) -> None:
    order: list[int] = []
    works = [lambda tx, n=n: order.append(n) for n in range(50)]
    await held_writes(bench, works)
    assert order == list(range(50))


async def test_a_closed_writer_takes_nothing(bench: Bench) -> None:
    bench.gate.set()
    await bench.writer.aclose()
    with pytest.raises(StoreDown, match="closed"):
        await bench.writer.write(bench.insert(1))


async def test_a_long_log_is_copied_into_the_file(bench: Bench, tmp_path: Path) -> None:
    await bench.writer.write(lambda tx: tx.connection.execute("CREATE TABLE fat (x)"))
    for _ in range(30):
        await bench.writer.write(
            lambda tx: tx.connection.execute("INSERT INTO fat VALUES (zeroblob(1000000))")
        )
    await bench.done()
    assert (tmp_path / "store.db").stat().st_size > 20_000_000
    assert (tmp_path / "store.db-wal").stat().st_size < 10_000_000


async def test_a_mailbox_is_bounded() -> None:
    mailbox: Mailbox[None] = Mailbox(limit=2)
    futures = [mailbox.post(lambda _: 1) for _ in range(2)]
    with pytest.raises(StoreDown, match="max_queued"):
        mailbox.post(lambda _: 1)
    calls = mailbox.take(10)
    for call in calls:
        call.run(None)
    mailbox.answer(calls)
    assert await asyncio.gather(*futures) == [1, 1]
    mailbox.post(lambda _: 1)
    mailbox.close(threads=1)
    assert len(mailbox.take(10)) == 1
    assert mailbox.take(10) == []

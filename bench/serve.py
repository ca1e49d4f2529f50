"""CPU per token and per request of the server: see bench/README.md."""

from __future__ import annotations

import asyncio
import time

from bench.rig import DELTA, Server, antiphon, post, stub_engine

STREAMS = 50
PLAIN_REQUESTS = 400
PLAIN_CONCURRENCY = 8
LONE = {"model": "stub-8-5", "input": "x", "stream": True}


async def plain(server: Server, store: bool) -> float:
    """CPU milliseconds per plain request of 32 tokens."""
    body = {"model": "stub-32-0", "input": "Hello", "store": store}
    gate = asyncio.Semaphore(PLAIN_CONCURRENCY)

    async def one() -> None:
        async with gate:
            raw, _ = await post(server.port, body)
            assert b'"status":"completed"' in raw, raw

    await asyncio.gather(*(one() for _ in range(20)))
    before = server.cpu_s()
    await asyncio.gather(*(one() for _ in range(PLAIN_REQUESTS)))
    return (server.cpu_s() - before) / PLAIN_REQUESTS * 1e3


async def streams(server: Server, model: str, store: bool) -> tuple[float, float, list[float]]:
    """CPU microseconds per token, tokens per second, and how far first deltas were behind (ms)."""
    body = {"model": model, "input": "Hello", "stream": True, "store": store}
    before, started = server.cpu_s(), time.monotonic()
    answers = await asyncio.gather(*(post(server.port, body) for _ in range(STREAMS)))
    took, cpu = time.monotonic() - started, server.cpu_s() - before
    tokens = sum(raw.count(DELTA) for raw, _ in answers)
    expected = STREAMS * int(model.split("-")[1])
    assert tokens == expected, f"{tokens} of {expected} tokens arrived"
    return cpu / tokens * 1e6, tokens / took, sorted(b * 1e3 for _, b in answers if b is not None)


def late(row: str, behind: list[float]) -> str:
    """A row of sorted milliseconds."""
    return f"{row:34}{behind[len(behind) // 2]:12.1f}  ms median, {behind[-1]:.1f} worst"


async def main() -> None:
    with stub_engine() as engine, antiphon("--engine-url", f"http://127.0.0.1:{engine}/v1") as server:
        print(f"{'row':34}{'value':>12}  unit")
        print(f"{'ready':34}{server.ready_s:12.2f}  s")
        print(f"{'idle memory':34}{server.rss_mib():12.1f}  MiB")
        for store in (True, False):
            kind = "stored" if store else "not stored"
            print(f"{f'plain, {kind}':34}{await plain(server, store):12.2f}  CPU ms/request")
            for name, model in (("paced", "stub-128-20"), ("saturated", "stub-2000-0")):
                cost, rate, behind = await streams(server, model, store)
                print(f"{f'{name}, {kind}':34}{cost:12.1f}  CPU µs/token ({rate:,.0f} tokens/s)")
                if name == "paced":
                    print(late(f"first delta, {kind}, {STREAMS} at once", behind))
            lone = [(await post(server.port, LONE))[1] for _ in range(50)]
            print(late(f"first delta, {kind}, alone", sorted(1e3 * b for b in lone if b is not None)))
        print(f"{'memory after':34}{server.rss_mib():12.1f}  MiB")

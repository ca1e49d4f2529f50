"""A conversation of 500 turns by `previous_response_id`: cost of a turn and size of the database."""

from __future__ import annotations

import json

from bench.rig import Server, antiphon, post, stub_engine

TURNS = 500
WINDOW = 50
TEXT = "A question of about two hundred characters, so that a turn has some weight. " * 3


def size_kib(server: Server) -> float:
    return sum(f.stat().st_size for f in server.folder.rglob("*") if f.is_file()) / 1024


async def turn(server: Server, previous: str | None) -> str:
    body = {"model": "stub-32-0", "input": TEXT, "previous_response_id": previous}
    raw, _ = await post(server.port, body)
    return json.loads(raw.partition(b"\r\n\r\n")[2])["id"]


async def main() -> None:
    with stub_engine() as engine, antiphon("--engine-url", f"http://127.0.0.1:{engine}/v1") as server:
        print(f"{'turns':>12}{'items before':>14}{'CPU ms/turn':>14}{'µs/item':>10}{'KiB/turn':>10}")
        previous, before, size = None, server.cpu_s(), size_kib(server)
        for number in range(1, TURNS + 1):
            previous = await turn(server, previous)
            if number % WINDOW == 0:
                cost, now = (server.cpu_s() - before) / WINDOW * 1e3, size_kib(server)
                items = 2 * (number - WINDOW / 2)
                row = f"{f'{number - WINDOW + 1}-{number}':>12}{items:14.0f}{cost:14.2f}"
                print(f"{row}{cost / items * 1e3:10.1f}{(now - size) / WINDOW:10.1f}")
                before, size = server.cpu_s(), now

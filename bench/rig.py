"""Processes under measurement, and a client that costs little."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
DELTA = b'data: {"type":"response.output_text.delta"'


@dataclass
class Server:
    pid: int
    port: int
    ready_s: float
    folder: Path

    def cpu_s(self) -> float:
        """User and system time of all threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextlib.contextmanager
def stub_engine() -> Iterator[int]:
    """The port of a running stub."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "stub_engine.py")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def antiphon(*arguments: str) -> Iterator[Server]:
    """A server of this checkout on a free port and a fresh database."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "antiphon", "serve", "--port", "0", "--log-format", "json"),
                *("--store", f"sqlite:///{folder}/bench.db", *arguments),
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd=folder,
        )
        try:
            assert process.stderr
            for line in process.stderr:
                if '"ready"' in line:
                    break
            else:
                raise SystemExit("the server did not start")
            port = int(json.loads(line)["address"].rsplit(":", 1)[1])
            yield Server(process.pid, port, time.monotonic() - started, Path(folder))
        finally:
            process.terminate()
            process.wait()


async def post(port: int, body: dict[str, object]) -> tuple[bytes, float | None]:
    """The whole raw answer, and how many seconds the first delta was behind the engine's."""
    payload = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(payload)}\r\n"
    writer.write(head.encode() + b"connection: close\r\ncontent-type: application/json\r\n\r\n" + payload)
    chunks: list[bytes] = []
    behind: float | None = None
    while data := await reader.read(1 << 20):
        chunks.append(data)
        if behind is None and DELTA in data:
            text = data.split(DELTA, 1)[1].split(b'"delta":"', 1)[1].split(b'"', 1)[0]
            behind = time.monotonic() - float(text)
    writer.close()
    return b"".join(chunks), behind

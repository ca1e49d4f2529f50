"""A server as an operator starts it: a process of its own, found by the line that it logs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

READY_WITHIN_S = 60.0  # the demo model loads in about a second; a loaded machine gets its time


@dataclass
class Serving:
    """`url` has no trailing slash; `log` is standard error."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> int:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.status


@contextmanager
def serving(folder: Path, *args: str) -> Iterator[Serving]:
    """Start `antiphon serve` on a free port in `folder`; it is ready. It is killed in the end."""
    log = folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "antiphon", "serve", "--port", "0", "--log-format", "json", *args],
            cwd=folder,
            stderr=stream,
            stdin=subprocess.DEVNULL,
            env=environment(),
        )
    try:
        server = Serving(process, address(process, log), log)
        wait_ready(server)
        yield server
    finally:
        process.kill()
        process.wait(10)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ANTIPHON_")}


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    """From the one line that says where the server listens."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        found = [found for line in log.read_text().splitlines() for found in addresses(line)]
        if found:
            assert len(found) == 1, found
            return found[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"no address within {READY_WITHIN_S} s: {log.read_text()}")


def addresses(line: str) -> list[str]:
    return re.findall(r"http://127\.0\.0\.1:\d+", json.dumps(line))


def wait_ready(server: Serving) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            assert server.get("/ready") == 200
            return
        except OSError:
            assert server.process.poll() is None, server.log.read_text()
            time.sleep(0.02)
    raise AssertionError(f"not ready within {READY_WITHIN_S} s: {server.log.read_text()}")


def need_server(*, demo: bool = False) -> None:
    """Skip where the house is not complete enough to serve."""
    for module in ("antiphon.wiring", "antiphon.inputs", "antiphon.engines.chat.engine"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"there is no {module} yet")
    if demo:
        pytest.importorskip("xllamacpp", reason="the extra `llamacpp` is not installed")

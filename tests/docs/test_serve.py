"""`antiphon serve` keeps what docs/cli.md says: one line, readiness, exit codes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.serving import environment, need_server, serving


@pytest.fixture(autouse=True)
def _house() -> None:
    need_server()


def refused(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "antiphon", "serve", "--engine", "scripted", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_says_where_it_is_is_ready_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, "--engine", "scripted") as server:
        assert server.get("/health") == 200
        server.process.send_signal(number)
        assert server.process.wait(30) == 0
        assert len(server.log.read_text().splitlines()) == 1


def test_a_port_in_use_is_one_line_and_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = refused(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Address already in use" in done.stderr
    assert done.stdout == ""


def test_a_store_that_cannot_be_opened_is_one_line_and_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = refused(tmp_path, "--port", "0", "--store", "sqlite:///file/antiphon.db")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "antiphon:" in done.stderr


def test_a_file_that_is_no_model_is_one_line_and_code_1(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `llamacpp` is not installed")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF, but not really")
    done = subprocess.run(
        [sys.executable, "-m", "antiphon", "serve", "--port", "0", "--model", "broken.gguf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("antiphon:"), done.stderr


def test_the_demo_model_answers_without_any_argument(tmp_path: Path) -> None:
    need_server(demo=True)
    with serving(tmp_path) as server:
        assert server.get("/v1/models") == 200

"""A real Codex CLI in front of this server: a shell turn over HTTP, a patch under its grammar over WebSocket.

Needs `ANTIPHON_CODEX`, the path of the `codex` program (npm package @openai/codex, 400 MB).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.server import Server, serving

CODEX = os.environ.get("ANTIPHON_CODEX")
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(CODEX is None, reason="ANTIPHON_CODEX does not name a codex program"),
]
ALIAS = """
[[engines]]
name = "scripted"
kind = "scripted"
[[models]]
name = "gpt-5.5"
engine = "scripted"
model = "scripted"
"""
"""Codex offers its patch tool to models that it knows by name."""

CONFIG = """
model = "gpt-5.5"
model_provider = "antiphon"
[model_providers.antiphon]
name = "Antiphon"
base_url = "{url}/v1"
wire_api = "responses"
supports_websockets = {sockets}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("codex"), config=ALIAS) as one:
        yield one


def codex(server: Server, folder: Path, prompt: str, *, sockets: bool) -> str:
    """What `codex exec` prints for one prompt, run in `folder`."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    (home / "config.toml").write_text(CONFIG.format(url=server.root, sockets=str(sockets).lower()))
    done = subprocess.run(
        [str(CODEX), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
        cwd=work,
        env={**os.environ, "CODEX_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("sockets", [False, True])
def test_a_shell_turn(server: Server, tmp_path: Path, sockets: bool) -> None:
    script = '#script\ncall exec_command {"cmd":"echo one > made.txt"}\n---\nsay Done.\n#end'
    assert codex(server, tmp_path, script, sockets=sockets).strip().endswith("Done.")
    assert (tmp_path / "work" / "made.txt").read_text() == "one\n"


@pytest.mark.parametrize("sockets", [False, True])
def test_a_patch_under_its_grammar(server: Server, tmp_path: Path, sockets: bool) -> None:
    patch = "*** Begin Patch\\n*** Add File: made.txt\\n+by codex\\n*** End Patch\\n"
    script = f'#script\ncustom apply_patch "{patch}"\n---\nsay Patched.\n#end'
    assert codex(server, tmp_path, script, sockets=sockets).strip().endswith("Patched.")
    assert (tmp_path / "work" / "made.txt").read_text() == "by codex\n"

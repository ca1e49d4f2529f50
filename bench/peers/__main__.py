"""`python -m bench.peers NAME… --upstream URL --model M [--folder DIR]`: see bench/peers/README.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.peers.table import PEERS, Peer

RECORDS = Path(__file__).resolve().parents[2] / "docs" / "peers"
PATIENCE_S = 240
LONGEST = 300
"""Characters of a body in a stored record; the whole log stays in the folder."""
KEPT = ("method", "url", "status", "body", "fault")
NAMES = ["vllm", *(peer.name for peer in PEERS)]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def installed(peer: Peer, folder: Path) -> Path:
    """The programs of the peer's environment, which is made where it is not there."""
    if not peer.packages:
        return Path(sys.executable).parent
    place = folder / peer.packages[0].partition("[")[0]
    if not (place / "bin" / "python").exists():
        subprocess.run([peer.python, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin/python"), "-m", "pip", "install", "-q", *peer.packages], check=True)
    return place / "bin"


def version(peer: Peer, programs: Path) -> str:
    code = f"import importlib.metadata as m; print(m.version({peer.version_of!r}))"
    return subprocess.check_output([str(programs / "python"), "-c", code], text=True).strip()


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as reply:
        return reply.status == 200
    return False


@contextlib.contextmanager
def serving(peer: Peer, programs: Path, given: argparse.Namespace) -> Iterator[str]:
    """The root URL of the running peer."""
    with tempfile.TemporaryDirectory() as folder:
        values: dict[str, Any] = {"bin": programs, "folder": folder}
        values |= {"upstream": given.upstream, "model": given.model}
        values |= {"port": free_port(), "second_port": free_port()}
        for name, text in peer.files:
            (Path(folder) / name).write_text(text.format(**values))
        environ = {**os.environ, **{name: value.format(**values) for name, value in peer.variables}}
        command = [part.format(**values) for part in peer.command]
        log = given.folder / f"{peer.name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environ, cwd=folder)
        try:
            root = f"http://127.0.0.1:{values['port']}"
            wait(f"{root}{peer.ready}", process, log)
            yield root
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"it did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.5)


def check(name: str, root: str, model: str, key: str, folder: Path) -> dict[str, Any]:
    """The record of a run of the checker."""
    record = folder / f"{name}.json"
    command = [sys.executable, "-m", "antiphon", "check", f"{root}/v1", "--model", model, "--quiet"]
    command += [
        "--json",
        str(record),
        "--workers",
        "4",
        "--timeout",
        "30",
        *(("--api-key", key) if key else ()),
    ]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"the checker could not run: {done.returncode}")
    return json.loads(record.read_text())


def trimmed(record: dict[str, Any], places: list[str]) -> dict[str, Any]:
    """Without what makes a record large or tells of the machine: of what failed the last exchange, cut."""
    for row in record["requirements"]:
        row["cases"] = row["cases"][:2]
    for told in record["findings"]:
        shown = told["wire"][-1:] if told["verdict"] == "fail" else []
        told["wire"] = [{name: _cut(one.get(name)) for name in KEPT} for one in shown]
        for name in ("message", "curl", "got", "expected"):
            told[name] = _cut(told[name])
    text = json.dumps(record, ensure_ascii=False)
    for place in places:
        text = text.replace(place, "<folder>")
    return json.loads(text)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [_cut(one) for one in value[:6]]
    return {name: _cut(one) for name, one in value.items()} if isinstance(value, dict) else value


def keep(name: str, record: dict[str, Any], places: list[str], **facts: str) -> None:
    record["target"] |= facts | {"name": name}
    RECORDS.mkdir(exist_ok=True)
    text = json.dumps(trimmed(record, places), ensure_ascii=False, separators=(",", ":"))
    text = text.replace('},{"id":', '},\n{"id":').replace('},{"requirement":', '},\n{"requirement":')
    (RECORDS / f"{name}.json").write_text(text + "\n", "utf-8")
    failed = [
        row["id"] for row in record["requirements"] if row["verdict"] == "fail" and row["level"] == "MUST"
    ]
    cost = f"{record['seconds']} s, {record['requests']} requests"
    print(f"{name} {facts['version']}: {cost}, {len(failed)} MUST failed")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("names", nargs="+", choices=NAMES)
    parser.add_argument("--upstream", required=True, help="root of a vLLM, without /v1")
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "antiphon-peers")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    places = [str(given.folder), tempfile.gettempdir(), str(Path.home())]
    with urllib.request.urlopen(f"{given.upstream}/version", timeout=10) as reply:
        engine = f"vLLM {json.load(reply)['version']}"
    for name in given.names:
        if name == "vllm":
            record = check(name, given.upstream, given.model, "", given.folder)
            keep(name, record, places, version=engine.split()[1], configuration="with its response store on")
            continue
        peer = next(one for one in PEERS if one.name == name)
        programs = installed(peer, given.folder)
        with serving(peer, programs, given) as root:
            record = check(name, root, peer.model.format(model=given.model), peer.key, given.folder)
        facts = {"version": version(peer, programs), "configuration": f"{peer.configuration} ({engine})"}
        keep(name, record, places, **facts)


if __name__ == "__main__":
    if shutil.which("python3.11") is None:
        sys.exit("python3.11 is needed")
    main()

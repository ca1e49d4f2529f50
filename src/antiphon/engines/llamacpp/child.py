"""The process in which the embedded engine runs: llama.cpp's HTTP server, through `xllamacpp`.

A script of its own that the parent (`llamacpp.py`) starts by path, with the standard library and `xllamacpp`
alone: a crash of native code ends this process and not the server, and the server stays small.

stdin carries one JSON line, the orders (`EmbeddedServer._orders`); after it, that the pipe is open says that
the parent lives. stdout carries one JSON line back: `{"url"}` once requests are served, or `{"missing"}` or
`{"failed"}` with why. stderr carries the log.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

PR_SET_PDEATHSIG = 1  # linux/prctl.h
ERRORS_ONLY = 1  # llama.cpp's `--verbosity`
TINY_BYTES = 64 * 1024 * 1024
CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")  # of a container: "<quota> <period>" in µs, or "max <period>"


def main() -> None:
    reply = _take_stdout()
    orders = json.loads(sys.stdin.readline())
    _die_with(orders["parent"])
    try:
        server = _serve(orders)
    except ImportError as error:
        _send(reply, {"missing": str(error)})
        sys.exit(1)
    except (RuntimeError, ValueError, MemoryError) as error:
        _send(reply, {"failed": str(error)})
        sys.exit(1)
    _send(reply, {"url": server.listening_address})
    sys.stdin.buffer.read()
    # Not `sys.exit`: the server's destructor would wait for generations that nobody reads any more.
    os._exit(0)


def _take_stdout() -> TextIO:
    """Keep stdout for the reply alone: whatever native code prints there goes to the log."""
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return reply


def _send(reply: TextIO, message: dict[str, str]) -> None:
    with reply:
        reply.write(json.dumps(message) + "\n")


def _die_with(parent: int) -> None:
    """Have Linux kill this process when the parent ends, however it ends.

    Elsewhere the end of stdin does it, but not while a model loads: `xllamacpp` then holds the interpreter.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        os._exit(1)


def _serve(orders: dict[str, Any]) -> Any:
    """Load the model and listen. Raises ImportError, and RuntimeError where llama.cpp refuses the model."""
    xllamacpp = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = orders["model_path"]
    params.model_alias = {orders["model_name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [orders["api_key"]]
    # Each slot owns its share: with a unified cache, long requests would fail each other's.
    params.n_parallel = orders["parallel"]
    params.n_ctx = orders["context_tokens"] * orders["parallel"]
    params.kv_unified = False
    params.cache_ram_mib = orders["prompt_cache_mib"]
    threads = orders["threads"] or default_threads(os.path.getsize(orders["model_path"]))
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.use_jinja = True
    params.warmup = False
    params.ui = False
    params.verbosity = ERRORS_ONLY
    return xllamacpp.Server(params)


def default_threads(model_bytes: int) -> int:
    """One for a tiny model, whose threads would wait for each other; else one for each usable core."""
    return 1 if model_bytes < TINY_BYTES else usable_cores()


def usable_cores() -> int:
    """Cores that this process may use: of its affinity, but no more than its container's quota."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    try:
        quota, period = CGROUP_CPU.read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return cores


if __name__ == "__main__":
    main()

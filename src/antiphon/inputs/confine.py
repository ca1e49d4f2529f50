"""What a child that reads a stranger's bytes allows itself. Runs in the child, before anything else."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_NEW_NETWORK = 0x1000_0000 | 0x4000_0000  # CLONE_NEWUSER | CLONE_NEWNET, linux/sched.h
_STACK_BYTES = 4 * 1024 * 1024
"""Half of what a main thread usually has: what passes here passes in the server too."""
_OPEN_FILES = 64


def confine(memory_bytes: int, cpu_s: int) -> None:
    """Bound memory, time and files of this process, and take the network away where the system lets us.

    Limits are POSIX; elsewhere only the parent's time-out bounds the child.
    """
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_STACK: _STACK_BYTES,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        _, hard = resource.getrlimit(limit)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (bound, bound))
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(_NEW_NETWORK)

"""How many threads the embedded engine takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.engines.llamacpp import child as llamacpp_child
from antiphon.engines.llamacpp.child import TINY_BYTES, default_threads, usable_cores


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    return 8


@pytest.mark.parametrize(
    ("quota", "usable"),
    [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("6400000 100000", 8), (None, 8)],
)
def test_a_container_quota_bounds_the_cores(
    quota: str | None, usable: int, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    if quota:
        file.write_text(quota + "\n")
    monkeypatch.setattr(llamacpp_child, "CGROUP_CPU", file)
    assert usable_cores() == usable


def test_a_tiny_model_gets_one_thread(cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llamacpp_child, "CGROUP_CPU", tmp_path / "none")
    assert [default_threads(TINY_BYTES - 1), default_threads(TINY_BYTES)] == [1, 8]

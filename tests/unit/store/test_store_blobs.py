from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from antiphon.ports import StoreDown
from antiphon.store.blobs import BlobFiles


@pytest.fixture(params=[False, True], ids=["normal", "durable"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobFiles:
    made = BlobFiles(tmp_path / "blobs", durable=request.param)
    made.open()
    return made


@contextmanager
def biggest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_text_lies_under_its_hash(blobs: BlobFiles, tmp_path: Path) -> None:
    text = "é" * 1000
    digest, size = blobs.put(text)
    assert (digest, size) == (hashlib.sha256(text.encode()).hexdigest(), 2000)
    assert files(tmp_path) == [tmp_path / "blobs" / digest[:2] / digest]
    assert blobs.read(digest, size) == text
    assert blobs.put(text) == (digest, size)


def test_only_the_owner_reads_it(blobs: BlobFiles, tmp_path: Path) -> None:
    digest, _ = blobs.put("secret")
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0
    assert (tmp_path / "blobs" / digest[:2]).stat().st_mode & 0o077 == 0


def test_no_name_without_its_text(blobs: BlobFiles, tmp_path: Path) -> None:
    with biggest_file(1000), pytest.raises(OSError, match="File too large"):
        blobs.put("x" * 2000)
    assert files(tmp_path) == []


def test_removing(blobs: BlobFiles) -> None:
    digest, size = blobs.put("text")
    blobs.remove(digest)
    blobs.remove(digest)
    with pytest.raises(StoreDown, match="missing"):
        blobs.read(digest, size)


def test_removing_what_is_old(blobs: BlobFiles, tmp_path: Path) -> None:
    digest, _ = blobs.put("text")
    (path,) = files(tmp_path)
    os.utime(path, (1000, 1000))
    assert blobs.remove_if_older(digest, 999) is False
    assert files(tmp_path) == [path]
    assert blobs.remove_if_older(digest, 1000) is True
    assert files(tmp_path) == []
    assert blobs.remove_if_older(digest, 1000) is False


def test_strays_are_what_nobody_knows(blobs: BlobFiles) -> None:
    digests = [blobs.put(text)[0] for text in ("a", "b", "c")]
    assert sorted(blobs.strays(lambda digest: digest == digests[1])) == sorted([digests[0], digests[2]])


def test_unfinished_files_go_when_they_are_old(blobs: BlobFiles, tmp_path: Path) -> None:
    old, young = tmp_path / "blobs" / "unfinished" / "old", tmp_path / "blobs" / "unfinished" / "young"
    for path, time in ((old, 100), (young, 300)):
        path.write_text("half")
        os.utime(path, (time, time))
    assert blobs.remove_unfinished(200) is False
    assert files(tmp_path) == [young]
    assert blobs.remove_unfinished(300) is True
    assert files(tmp_path) == []

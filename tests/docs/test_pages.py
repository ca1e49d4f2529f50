"""Pages lead where they say, and what they tell people to type exists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.arch.source import ROOT

from antiphon.checker.commands import check
from antiphon.config_fields import env_names
from antiphon.config_load import load

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(page: Path, language: str) -> Iterator[str]:
    return (code for name, code in CODE.findall(page.read_text("utf-8")) if name == language)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = CODE.sub("", page.read_text("utf-8"))
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose)]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_exist(page: Path) -> None:
    named = set(re.findall(r"\bANTIPHON_[A-Z_]*[A-Z]\b", page.read_text("utf-8")))
    checks = {one.envvar for one in check.params if one.envvar}
    others = {"ANTIPHON_CONFIG", "ANTIPHON_SHARED", "ANTIPHON_SECTION_NAME"}
    assert named - set(env_names()) - checks <= others


def test_the_example_file_loads(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "docs" / "configuration.md", "toml")
    path = tmp_path / "antiphon.toml"
    path.write_text(example)
    settings = load(config=path).settings
    given = tomllib.loads(example)
    assert [engine.name for engine in settings.engines] == [engine["name"] for engine in given["engines"]]
    assert settings.http.port == given["http"]["port"]


def test_the_architecture_fits_two_pages() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert len(text.split()) <= 1_400

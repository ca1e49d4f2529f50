"""docs/engines-scripted.md names every step, and its scripts can be played."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from tests.support import laws
from tests.support.turns import assemble, deltas, function, sample

from antiphon.config import EngineSettings
from antiphon.core.errors import EngineFailure, FailureKind
from antiphon.engines.scripted.engine import ScriptedEngine
from antiphon.engines.scripted.language import WORDS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "engines-scripted.md").read_text("utf-8")
SCRIPTS = re.findall(r"```script\n(.*?)```", PAGE, re.DOTALL)


def test_every_step_is_described_once() -> None:
    described = re.findall(r"^\| `([a-z_]+)", PAGE, re.MULTILINE)
    assert set(described) == WORDS
    assert {word for word in described if described.count(word) > 1} == {"item"}


def test_every_kind_of_failure_is_named() -> None:
    assert set(re.search(r"Its kinds are (.*?)\.\n", PAGE, re.DOTALL)[1].split("`")[1::2]) == set(
        get_args(FailureKind)
    )


@pytest.mark.parametrize("script", SCRIPTS)
async def test_the_examples_can_be_played(script: str) -> None:
    asked = sample(script, tools=[function("get_weather"), function("get_time")])
    engine = ScriptedEngine(EngineSettings(kind="scripted"))
    if "\nfail" in script:
        with pytest.raises(EngineFailure, match="The cable was cut"):
            await deltas(engine, asked)
        return
    told = assemble(await deltas(engine, asked), asked)
    assert told.output
    assert laws.broken(told.events) == []

"""The grammar per item kind that the recordings show is the grammar that our machine and engine send."""

from __future__ import annotations

import pytest
from tests.support import grammar, shared, turns
from tests.wire.recordings import known
from tests.wire.recordings.replay import replay

from antiphon.config import EngineSettings
from antiphon.core.kinds import ITEM_KINDS
from antiphon.engines.scripted.engine import ScriptedEngine

NAMES = shared.recordings() or ["none"]

TOLD_OTHERWISE = {
    "vercel--openai-apply-patch-tool.1": "the diff's events are on no official list",
    "vercel--openai-custom-tool.1": "`input.done` is missing",
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream": "a text without deltas",
}
"""Recordings that we tell in other words when they come from an upstream, with what the recording does."""


@pytest.mark.parametrize("name", NAMES)
def test_the_recordings_keep_to_the_grammar(name: str) -> None:
    wrong = grammar.ungrammatical(list(shared.events(name)), grammar.RECORDED)
    assert [kind for kind, _ in wrong] == (["mcp_call"] if name == known.IN_PROGRESS_TWICE else [])


def test_every_row_of_the_grammar_is_recorded() -> None:
    shared.path("recordings")
    seen = {ladder[0] for name in NAMES for ladder in grammar.ladders(list(shared.events(name)))}
    assert set(grammar.RECORDED) <= seen


@pytest.mark.parametrize("name", NAMES)
def test_an_upstream_like_this_is_told_in_the_same_order(name: str) -> None:
    recorded = list(shared.events(name))
    told = replay(recorded)
    wrong = [kind for kind, _ in grammar.ungrammatical(told)]
    assert wrong == (["mcp_call"] if name == known.IN_PROGRESS_TWICE else [])
    same = [*map(grammar.shape, grammar.ladders(told))] == [*map(grammar.shape, grammar.ladders(recorded))]
    assert same == (name not in TOLD_OTHERWISE)


@pytest.mark.parametrize("kind", sorted(ITEM_KINDS))
async def test_the_scripted_engine_tells_each_kind_so(kind: str) -> None:
    engine = ScriptedEngine(EngineSettings(kind="scripted", name="scripted"))
    told = await turns.tell(engine, turns.sample(f"#script item {kind}"))
    assert [ladder[0] for ladder in grammar.ladders(told.events)] == [kind]
    assert grammar.ungrammatical(told.events) == []


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        ("message", "say one two"),
        ("message", "refuse I cannot"),
        ("reasoning", "think a thought"),
        ("reasoning", "summary a thought"),
        ("function_call", 'call get_weather {"city": "Oslo"}'),
        ("custom_tool_call", "custom note some text"),
        ("image_generation_call", "image partials=2 a cat"),
    ],
)
@pytest.mark.parametrize("manner", ["", "split 1", "batch 50"])
async def test_turns_tell_what_engines_say_so(kind: str, script: str, manner: str) -> None:
    engine = ScriptedEngine(EngineSettings(kind="scripted", name="scripted"))
    tools = [turns.function("get_weather"), {"type": "custom", "name": "note"}]
    told = await turns.tell(engine, turns.sample(f"#script {manner}\n{script}", tools=tools))
    assert [ladder[0] for ladder in grammar.ladders(told.events)] == [kind]
    assert grammar.ungrammatical(told.events) == []


@pytest.mark.parametrize(
    ("kind", "between"),
    [
        ("message", ()),
        ("message", ("content_part.added", "output_text.delta", "content_part.done")),
        ("message", ("output_text.delta", "output_text.done")),
        ("reasoning", ("reasoning_text.delta", "reasoning_text.done")),
        ("function_call", ("function_call_arguments.done", "function_call_arguments.delta")),
        ("function_call", ()),
        ("custom_tool_call", ("custom_tool_call_input.delta",)),
        ("web_search_call", ("web_search_call.searching", "web_search_call.completed")),
        ("computer_call", ("function_call_arguments.done",)),
    ],
)
def test_the_grammar_catches_what_it_should(kind: str, between: tuple[str, ...]) -> None:
    assert not grammar.matches((kind, between))

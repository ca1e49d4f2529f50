"""Hosted tools: offered, forced, and declared wrongly. A server need not have any of them."""

from __future__ import annotations

from antiphon.checker.cases import Case as _Case
from antiphon.checker.cases import add, case
from antiphon.checker.material import ROOM, items, refused, same
from antiphon.checker.probe import Lacking, Probe
from antiphon.checker.wire import JSON

OFFERED, FORCED = "hosted.offered", "hosted.forced"
OFFERS: dict[str, list[JSON]] = {
    "web-search-does-no-harm": [{"type": "web_search"}],
    "image-generation-does-no-harm": [{"type": "image_generation"}],
    "tool-search-does-no-harm": [{"type": "tool_search", "execution": "client"}],
    "local-tools-do-no-harm": [{"type": "shell"}, {"type": "apply_patch"}, {"type": "computer"}],
}


@case(
    f"{OFFERED}.each",
    requirements=[f"{OFFERED}.{rule}" for rule in OFFERS],
    requests=6,
    tokens=300,
    profiles=("stateless",),
)
async def offered(probe: Probe) -> None:
    """Hosted tools that clients always offer."""
    for rule, tools in OFFERS.items():
        for tool in tools:
            answer = await probe.attempt(input="Say: ok", tools=[tool], max_output_tokens=16)
            if why := probe.lack(answer):
                probe.unimplemented(f"{OFFERED}.{rule}", why, on=answer)
            else:
                same(probe, f"{OFFERED}.{rule}", 200, answer.status, answer)


RUNS: dict[str, tuple[JSON, str, str]] = {
    "web-search-runs": ({"type": "web_search"}, "web_search_call", "Search the web for: tides"),
    "code-interpreter-runs": (
        {"type": "code_interpreter", "container": {"type": "auto"}},
        "code_interpreter_call",
        "Compute 6 * 7 with Python.",
    ),
    "image-generation-runs": ({"type": "image_generation"}, "image_generation_call", "Draw a dot."),
}


def _forcing(rule: str) -> None:
    tool, kind, ask = RUNS[rule]
    requirement, name = f"{FORCED}.{rule}", str(tool["type"])

    async def run(probe: Probe) -> None:
        choice: object = {"type": name} if name != "web_search" else "required"
        made = await probe.create(input=ask, tools=[tool], tool_choice=choice, max_output_tokens=ROOM)
        found = items(made.json, kind)
        if not found and not made.json.get("tools"):
            raise Lacking(f"{name} was left out", made)
        kinds = [item.get("type") for item in made.json["output"]]
        probe.holds(requirement, bool(found), expected=kind, got=kinds, on=made, free=name == "web_search")

    add(
        _Case(
            address=requirement,
            statement=f"`{name}` is forced.",
            requirements=(requirement,),
            run=run,
            requests=1,
            tokens=ROOM,
            needs=(f"tool:{name}",),
        )
    )


for _rule in RUNS:
    _forcing(_rule)


@case(
    f"{FORCED}.file-search",
    requirements=[f"{FORCED}.file-search-runs"],
    requests=3,
    tokens=ROOM,
    needs=("tool:file_search", "vector_stores"),
)
async def file_search(probe: Probe) -> None:
    """`file_search` is forced on an empty store."""
    store = await probe.ask("POST", "/vector_stores", {"name": "search"})
    tool = {"type": "file_search", "vector_store_ids": [store.json["id"]]}
    made = await probe.create(
        input="Search the files for: tides",
        tools=[tool],
        tool_choice={"type": "file_search"},
        max_output_tokens=ROOM,
    )
    found = [item.get("queries") for item in items(made.json, "file_search_call")]
    probe.holds(f"{FORCED}.file-search-runs", any(found), expected="queries", got=found, on=made)
    await probe.request("DELETE", f"/vector_stores/{store.json['id']}")


@case(f"{FORCED}.unavailable", requirements=[f"{FORCED}.unavailable-is-refused"], requests=1, tokens=ROOM)
async def unavailable(probe: Probe) -> None:
    """A hosted tool is forced: it runs, or the request is refused."""
    answer = await probe.attempt(
        input="Draw a dot.",
        tools=[{"type": "image_generation"}],
        tool_choice={"type": "image_generation"},
        max_output_tokens=ROOM,
    )
    ran = answer.ok and bool(items(answer.json, "image_generation_call"))
    failed = answer.ok and answer.json.get("status") == "failed"
    honest = ran or failed or 400 <= answer.status < 500
    probe.holds(
        f"{FORCED}.unavailable-is-refused", honest, expected=("a call", 400), got=answer.status, on=answer
    )


@case(
    "hosted.declared.wrongly",
    requirements=["hosted.mcp.server-is-required", "hosted.code.container-is-required"],
    requests=2,
)
async def wrongly(probe: Probe) -> None:
    """Hosted tools without what they need."""
    tries: dict[str, JSON] = {
        "hosted.mcp.server-is-required": {"type": "mcp", "server_label": "a"},
        "hosted.code.container-is-required": {"type": "code_interpreter"},
    }
    for requirement, tool in tries.items():
        answer = await probe.attempt(input="Hi", tools=[tool], max_output_tokens=16)
        if answer.ok and not answer.json.get("tools"):
            probe.unimplemented(requirement, f"{tool['type']} was left out", on=answer)
        else:
            refused(probe, requirement, answer)

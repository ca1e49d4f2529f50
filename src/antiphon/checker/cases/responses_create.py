"""Plain requests: what is taken, and what every response is."""

from __future__ import annotations

import asyncio
from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.laws.answers import output, texts
from antiphon.checker.narrow import inside
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

ALWAYS = ("core", "stateless", "openresponses")
SMALL = ("core", "stateless")
ROOM = 512
"""Output tokens that leave even a thinking model room for a word."""

WEATHER: JSON = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}

_C = "responses.create"


def message(role: str, content: Any, **more: Any) -> JSON:
    """A message of the input."""
    return {"role": role, "content": content, **more}


def answered(probe: Probe, requirement: str, made: Exchange) -> bool:
    """The request was taken and answered with something."""
    told = {"status": made.json.get("status"), "output": [item.get("type") for item in output(made.json)]}
    fine = told["status"] in ("completed", "incomplete") and bool(told["output"])
    return probe.holds(requirement, fine, expected="completed, with output", got=told, on=made)


@case(
    f"{_C}.plain",
    requirements=[
        f"{_C}.ends-completed",
        f"{_C}.output-has-a-message-with-text",
        f"{_C}.ids-begin-with-their-kind",
        f"{_C}.input-may-be-text",
    ],
    tokens=128,
    profiles=ALWAYS,
)
async def plain(probe: Probe) -> None:
    """A plain text request is answered with a message."""
    made = await probe.create(input="Say: ok", max_output_tokens=ROOM)
    status = made.json.get("status")
    probe.holds(f"{_C}.ends-completed", status == "completed", expected="completed", got=status, on=made)
    probe.holds(f"{_C}.input-may-be-text", made.ok, on=made)
    told = texts(made.json)
    probe.holds(
        f"{_C}.output-has-a-message-with-text",
        bool(told.strip()),
        expected="text",
        got=told,
        on=made,
        free=True,
    )
    ids = [made.json.get("id"), *(i.get("id") for i in output(made.json) if i.get("type") == "message")]
    fine = str(ids[0]).startswith("resp_") and all(str(one).startswith("msg_") for one in ids[1:])
    probe.holds(f"{_C}.ids-begin-with-their-kind", fine, expected="resp_…, msg_…", got=ids, on=made)


@case(
    f"{_C}.ids",
    requirements=[f"{_C}.responses-have-ids-of-their-own"],
    requests=2,
    tokens=128,
    profiles=ALWAYS,
)
async def ids(probe: Probe) -> None:
    """Two requests get ids of their own."""
    both = [await probe.create(input="Say: ok", max_output_tokens=ROOM) for _ in range(2)]
    told = [{str(made.json["id"]), *(str(item.get("id")) for item in output(made.json))} for made in both]
    shared = sorted(told[0] & told[1])
    probe.holds(f"{_C}.responses-have-ids-of-their-own", not shared, expected=[], got=shared, on=both)


@case(f"{_C}.limit", requirements=[f"{_C}.limit-ends-incomplete"], tokens=64, profiles=SMALL)
async def limit(probe: Probe) -> None:
    """An output limit that is reached ends the response as incomplete."""
    made = await probe.create(input=f"Repeat these words exactly: {_many_words(probe)}", max_output_tokens=16)
    told = (made.json.get("status"), inside(made.json, "incomplete_details", "reason"))
    wanted = ("incomplete", "max_output_tokens")
    early = told[0] == "completed" and made.json["usage"]["output_tokens"] < 16
    probe.holds(
        f"{_C}.limit-ends-incomplete", told == wanted, expected=[wanted], got=told, on=made, free=early
    )


def _many_words(probe: Probe) -> str:
    return " ".join(probe.word() for _ in range(60))


@case(
    f"{_C}.metadata",
    requirements=[f"{_C}.metadata-is-kept", f"{_C}.metadata-comes-back"],
    tokens=128,
    profiles=("core",),
)
async def metadata(probe: Probe) -> None:
    """Metadata at its limits comes back whole."""
    given = {f"{n:02}".ljust(64, "k"): str(n).ljust(512, "v") for n in range(16)}
    made = await probe.create(input="Say: ok", metadata=given, max_output_tokens=ROOM)
    fine = made.json.get("metadata") == given
    probe.holds(
        f"{_C}.metadata-is-kept", fine, expected="the 16 pairs", got=made.json.get("metadata"), on=made
    )


@case(f"{_C}.service-tier", requirements=[f"{_C}.service-tier-may-be-asked"], tokens=128)
async def service_tier(probe: Probe) -> None:
    """A service tier may be asked for."""
    made = await probe.create(input="Say: ok", service_tier="auto", max_output_tokens=ROOM)
    told = made.json.get("service_tier")
    probe.holds(
        f"{_C}.service-tier-may-be-asked", isinstance(told, str), expected="a tier", got=told, on=made
    )


@case(
    f"{_C}.sampling-edges",
    requirements=[f"{_C}.sampling-edges-are-taken"],
    requests=2,
    tokens=256,
    profiles=("core",),
)
async def sampling_edges(probe: Probe) -> None:
    """Temperature and top_p are taken at their edges."""
    for body in ({"temperature": 0, "top_p": 1}, {"temperature": 2}):
        made = await probe.create(input="Say: ok", max_output_tokens=16, **body)
        answered(probe, f"{_C}.sampling-edges-are-taken", made)


@case(f"{_C}.unicode", requirements=[f"{_C}.unicode-goes-through"], tokens=256, profiles=("core",))
async def unicode(probe: Probe) -> None:
    """Instructions of many scripts come back as they were sent."""
    text = 'äß 漢字 עברית 🙂👩‍🔬 \t\\ "quoted"\nnew line \u2028 \U0001f9ea'
    made = await probe.create(input=f"Say: ok {text}", instructions=text, max_output_tokens=ROOM)
    told = made.json.get("instructions")
    probe.holds(f"{_C}.unicode-goes-through", told == text, expected=text, got=told, on=made)


@case(f"{_C}.large", requirements=[f"{_C}.large-input-is-taken"], tokens=20_000, profiles=("core",))
async def large(probe: Probe) -> None:
    """A request of the size that coding agents send is taken."""
    tools = [{**WEATHER, "name": f"tool_{n}", "description": "Does nothing. " * 60} for n in range(20)]
    text = "Read this. " * 3_000
    made = await probe.create(
        input=[message("user", text)], tools=tools, tool_choice="none", max_output_tokens=64
    )
    answered(probe, f"{_C}.large-input-is-taken", made)


@case(f"{_C}.headers", requirements=[f"{_C}.unknown-headers-are-ignored"], tokens=128, profiles=("core",))
async def headers(probe: Probe) -> None:
    """Headers of official clients, and unknown ones, change nothing."""
    sent = {
        "x-stainless-lang": "python",
        "x-stainless-retry-count": "1",
        "x-stainless-read-timeout": "600",
        "OpenAI-Beta": "assistants=v2",
        "X-Client-Request-Id": probe.word(),
        "X-Unknown": "1",
    }
    body = probe.body({"input": "Say: ok", "max_output_tokens": ROOM})
    answered(
        probe, f"{_C}.unknown-headers-are-ignored", await probe.ask("POST", "/responses", body, headers=sent)
    )


@case(
    f"{_C}.side-by-side",
    requirements=[f"{_C}.requests-run-side-by-side"],
    requests=8,
    tokens=1_024,
    profiles=("core",),
)
async def side_by_side(probe: Probe) -> None:
    """Eight requests at once get their own answers, told apart by their metadata."""
    words = [probe.word() + str(n) for n in range(8)]
    made = await asyncio.gather(
        *(probe.create(input=f"Say: {w}", metadata={"word": w}, max_output_tokens=ROOM) for w in words)
    )
    told = [one.json.get("metadata", {}).get("word") for one in made]
    ids = {one.json.get("id") for one in made}
    fine = told == words and len(ids) == len(words)
    probe.holds(f"{_C}.requests-run-side-by-side", fine, expected=words, got=told, on=made)


@case(
    f"{_C}.store-false",
    requirements=[f"{_C}.store-false-is-not-kept"],
    requests=2,
    tokens=128,
    needs=("store",),
    profiles=("core",),
)
async def store_false(probe: Probe) -> None:
    """A response that is not to be stored cannot be retrieved."""
    made = await probe.create(input="Say: ok", store=False, max_output_tokens=ROOM)
    again = await probe.request("GET", f"/responses/{made.json['id']}")
    fine = again.status == 404
    probe.holds(f"{_C}.store-false-is-not-kept", fine, expected=404, got=again.status, on=(made, again))


@case(f"{_C}.format", requirements=[f"{_C}.text-format-comes-back"], tokens=256, profiles=("core",))
async def text_format(probe: Probe) -> None:
    """A JSON schema format comes back."""
    schema = {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
    await probe.create(input="Say: ok", text={"format": form}, max_output_tokens=ROOM)

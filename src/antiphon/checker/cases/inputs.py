"""What went into a response: its list of input items, and the count of input tokens."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.material import WEATHER, call_of, input_tokens, missing, output_of, refused, same, user
from antiphon.checker.paging import REQUESTS, check_list, rules
from antiphon.checker.probe import Probe

ITEMS, COUNT = "responses.input_items", "responses.input_tokens"
COUNTING = ("input_tokens",)


@case(
    f"{ITEMS}.pages",
    requirements=[*rules(ITEMS), f"{ITEMS}.keeps-order-of-input"],
    requests=REQUESTS + 1,
    tokens=40,
    needs=("store",),
)
async def pages(probe: Probe) -> None:
    """The list of four input items is read in all ways."""
    texts = [probe.word() for _ in range(4)]
    made = await probe.create(input=[user(text) for text in texts], max_output_tokens=16)
    path = f"/responses/{made.json['id']}/input_items"
    listed = await probe.ask("GET", path, query={"order": "asc"})
    found = [item["content"][0]["text"] for item in listed.json["data"]]
    same(probe, f"{ITEMS}.keeps-order-of-input", texts, found, listed)
    await check_list(probe, ITEMS, path, [item["id"] for item in listed.json["data"]])


@case(
    f"{ITEMS}.content",
    requirements=[f"{ITEMS}.string-becomes-a-user-message", f"{ITEMS}.output-is-not-listed"],
    requests=2,
    tokens=40,
    needs=("store",),
    profiles=("core",),
)
async def content(probe: Probe) -> None:
    """Input that was a string is listed as a message."""
    word = probe.word()
    made = await probe.create(input=word, max_output_tokens=32)
    listed = await probe.ask("GET", f"/responses/{made.json['id']}/input_items")
    shown = [
        (item["type"], item["role"], [(part["type"], part["text"]) for part in item["content"]])
        for item in listed.json["data"]
        if item["type"] == "message"
    ]
    same(
        probe,
        f"{ITEMS}.string-becomes-a-user-message",
        [("message", "user", [("input_text", word)])],
        shown,
        listed,
    )
    ours = {item["id"] for item in made.json["output"]} & {item["id"] for item in listed.json["data"]}
    same(probe, f"{ITEMS}.output-is-not-listed", [], sorted(ours), listed)


@case(
    f"{ITEMS}.calls",
    requirements=[f"{ITEMS}.keeps-calls-and-outputs"],
    requests=2,
    tokens=60,
    needs=("store",),
)
async def calls(probe: Probe) -> None:
    """A call and its output are listed as they were given."""
    given = [user("Weather?"), call_of(WEATHER, "call_a1"), output_of("call_a1", "rain")]
    made = await probe.create(input=given, max_output_tokens=16)
    listed = await probe.ask("GET", f"/responses/{made.json['id']}/input_items", query={"order": "asc"})
    kept = [
        {key: item.get(key) for key in sent}
        for sent, item in zip(given[1:], listed.json["data"][1:], strict=False)
    ]
    same(probe, f"{ITEMS}.keeps-calls-and-outputs", given[1:], kept, listed)


@case(f"{ITEMS}.unknown", requirements=[f"{ITEMS}.unknown-response-is-404"], requests=1, needs=("store",))
async def unknown(probe: Probe) -> None:
    """The input items of a response that never was."""
    missing(
        probe,
        f"{ITEMS}.unknown-response-is-404",
        await probe.request("GET", f"/responses/resp_{'0f' * 24}/input_items"),
    )


async def count(probe: Probe, **body: object) -> int:
    answer = await probe.ask("POST", "/responses/input_tokens", {"model": probe.model, **body})
    return int(answer.json["input_tokens"])


@case(
    f"{COUNT}.counts",
    requirements=[
        f"{COUNT}.answers-with-its-object",
        f"{COUNT}.grows-with-the-input",
        f"{COUNT}.counts-instructions",
        f"{COUNT}.counts-tools",
        f"{COUNT}.is-repeatable",
        f"{COUNT}.counts-what-create-counts",
    ],
    requests=6,
    tokens=60,
    needs=COUNTING,
)
async def counts(probe: Probe) -> None:
    """Tokens are counted without an answer being made."""
    text = " ".join(probe.word() for _ in range(20))
    answer = await probe.ask("POST", "/responses/input_tokens", {"model": probe.model, "input": text})
    plain = answer.json.get("input_tokens")
    whole = isinstance(plain, int) and plain > 0 and answer.json.get("object") == "response.input_tokens"
    probe.holds(f"{COUNT}.answers-with-its-object", whole, expected="its object", got=answer.json, on=answer)
    same(probe, f"{COUNT}.is-repeatable", plain, await count(probe, input=text), answer)
    more = {
        "grows-with-the-input": {"input": f"{text} {text}"},
        "counts-instructions": {"input": text, "instructions": "Be very brief."},
        "counts-tools": {"input": text, "tools": [WEATHER]},
    }
    for rule, body in more.items():
        n = await count(probe, **body)
        probe.holds(
            f"{COUNT}.{rule}", n > plain, expected=f"more than {plain}", got=n, on=probe.exchanges[-1]
        )
    made = await probe.create(input=text, max_output_tokens=16)
    same(probe, f"{COUNT}.counts-what-create-counts", plain, input_tokens(made), answer, made)


@case(
    f"{COUNT}.state",
    requirements=[f"{COUNT}.counts-the-chain", f"{COUNT}.unknown-previous-response-is-refused"],
    requests=4,
    tokens=60,
    needs=COUNTING,
)
async def state(probe: Probe) -> None:
    """What lies before the request is counted too."""
    made = await probe.create(input=" ".join(probe.word() for _ in range(20)), max_output_tokens=16)
    alone = await count(probe, input="Hi")
    chained = await count(probe, input="Hi", previous_response_id=made.json["id"])
    least = alone + 20
    probe.holds(
        f"{COUNT}.counts-the-chain",
        chained >= least,
        expected=f"at least {least}",
        got=chained,
        on=probe.exchanges[-1],
    )
    body = {"model": probe.model, "input": "Hi", "previous_response_id": "resp_" + "0f" * 24}
    answer = await probe.request("POST", "/responses/input_tokens", body)
    refused(probe, f"{COUNT}.unknown-previous-response-is-refused", answer, 400, 404)


@case(
    f"{COUNT}.conversation",
    requirements=[f"{COUNT}.counts-the-conversation"],
    requests=3,
    needs=("input_tokens", "conversations"),
)
async def conversation(probe: Probe) -> None:
    """What a conversation holds is counted."""
    long = user(" ".join(probe.word() for _ in range(20)))
    talk = await probe.ask("POST", "/conversations", {"items": [long]})
    alone = await count(probe, input="Hi")
    inside = await count(probe, input="Hi", conversation=talk.json["id"])
    probe.holds(
        f"{COUNT}.counts-the-conversation",
        inside >= alone + 20,
        expected=f"at least {alone + 20}",
        got=inside,
        on=probe.exchanges[-1],
    )

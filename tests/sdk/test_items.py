"""Every kind of item is carried: by a chain, by a conversation, in lists, as a reference, one by one."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from tests.support.scenarios import script

from antiphon.core.items import CALL_OUTPUTS
from antiphon.core.kinds import ITEM_KINDS
from antiphon.spec.validate import check_reply

JSON = dict[str, Any]
OUTPUT_OF = {call: output for output, call in CALL_OUTPUTS.items()}

SEALED = {"compaction"}
"""Only what this server sealed is taken back: its own test is with the other compactions."""


def lines_for(kind: str) -> list[str]:
    """Script lines that make an item of this kind, with its partner where it must not stand alone."""
    one = json.dumps({"type": kind, "call_id": "call_pair"})
    if kind in OUTPUT_OF:
        return [f"item {one}", "item " + json.dumps({"type": OUTPUT_OF[kind], "call_id": "call_pair"})]
    if kind in CALL_OUTPUTS:
        return ["item " + json.dumps({"type": CALL_OUTPUTS[kind], "call_id": "call_pair"}), f"item {one}"]
    return [f"item {kind}"]


def shown(item: JSON) -> JSON:
    """As lists show it where nothing is included."""
    if item["type"] != "computer_call_output":
        return item
    return {**item, "output": {k: v for k, v in item["output"].items() if k != "image_url"}}


def ok(reply: httpx2.Response) -> JSON:
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize("kind", sorted(set(ITEM_KINDS) - SEALED))
def test_chain_and_conversation_carry_it(http: httpx2.Client, kind: str) -> None:
    body: JSON = {"model": "scripted", "input": script(*lines_for(kind))}
    made = ok(http.post("/v1/responses", json=body))
    items = made["output"]
    assert kind in [item["type"] for item in items]

    chained = {"model": "scripted", "previous_response_id": made["id"], "input": script("say ok")}
    second = ok(http.post("/v1/responses", json=chained))
    path = f"/v1/responses/{second['id']}/input_items"
    listed = ok(http.get(path, params={"order": "asc"}))
    assert check_reply("GET /responses/{response_id}/input_items", listed) == []
    assert listed["data"][1:-1] == [shown(item) for item in items]

    talk = ok(http.post("/v1/conversations", json={"items": items}))["id"]
    path = f"/v1/conversations/{talk}/items"
    kept = ok(http.get(path, params={"order": "asc"}))
    assert check_reply("GET /conversations/{conversation_id}/items", kept) == []
    assert kept["data"] == [shown(item) for item in items]
    whole = {"include": ["computer_call_output.output.image_url"]}
    assert [ok(http.get(f"{path}/{item['id']}", params=whole)) for item in items] == items


@pytest.mark.parametrize("kind", ["message", "reasoning", "web_search_call", "mcp_call"])
def test_reference_stands_for_it(http: httpx2.Client, kind: str) -> None:
    body: JSON = {"model": "scripted", "input": script(f"item {kind}")}
    (item,) = ok(http.post("/v1/responses", json=body))["output"]
    reference = {"type": "item_reference", "id": item["id"]}
    again = {"role": "user", "content": script("say ok")}
    second = ok(http.post("/v1/responses", json={"model": "scripted", "input": [reference, again]}))
    listed = ok(http.get(f"/v1/responses/{second['id']}/input_items", params={"order": "asc"}))
    assert [one["type"] for one in listed["data"]] == [kind, "message"]
    assert listed["data"][0] == item


def test_reference_to_nothing_is_refused(http: httpx2.Client) -> None:
    reference = {"type": "item_reference", "id": "msg_" + "0" * 48}
    reply = http.post("/v1/responses", json={"model": "scripted", "input": [reference]})
    assert (reply.status_code, reply.json()["error"]["param"]) == (404, "input")

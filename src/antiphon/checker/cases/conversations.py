"""Conversations and their items as objects."""

from __future__ import annotations

from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.material import WEATHER, call_of, missing, objects_of, output_of, refused, same, user
from antiphon.checker.paging import REQUESTS, check_list, ids_of, rules
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

NEEDS = ("conversations",)
MADE, GOT, CHANGED, GONE, ITEMS = (
    f"conversations.{topic}" for topic in ("create", "retrieve", "update", "delete", "items")
)
UNKNOWN = "/conversations/conv_" + "0f" * 24
STRANGE: JSON = {"type": "quantum_call", "id": "q_1"}


async def opened(probe: Probe, **body: Any) -> tuple[str, str]:
    """A new conversation: its id and its path."""
    made = await probe.ask("POST", "/conversations", body)
    return made.json["id"], f"/conversations/{made.json['id']}"


async def texts(probe: Probe, path: str) -> list[str]:
    """The texts of the messages in a conversation, oldest first."""
    page = await probe.ask("GET", f"{path}/items", query={"order": "asc", "limit": 100})
    return [part["text"] for item in page.json["data"] for part in objects_of(item, "content")]


@case(
    f"{MADE}.plain",
    requirements=[
        f"{MADE}.empty-body-is-accepted",
        f"{MADE}.metadata-default-is-empty",
        f"{MADE}.keeps-metadata",
        f"{MADE}.ids-are-distinct",
        f"{GOT}.equals-what-was-created",
        f"{GOT}.unknown-id-is-404",
    ],
    requests=4,
    needs=NEEDS,
    profiles=("core",),
)
async def plain(probe: Probe) -> None:
    """Conversations are made and retrieved."""
    empty = await probe.ask("POST", "/conversations", {})
    same(probe, f"{MADE}.empty-body-is-accepted", "conversation", empty.json.get("object"), empty)
    same(probe, f"{MADE}.metadata-default-is-empty", {}, empty.json.get("metadata"), empty)
    word = {"word": probe.word()}
    made = await probe.ask("POST", "/conversations", {"metadata": word})
    same(probe, f"{MADE}.keeps-metadata", word, made.json.get("metadata"), made)
    differ = made.json["id"] != empty.json["id"]
    probe.holds(
        f"{MADE}.ids-are-distinct", differ, expected="another id", got=made.json["id"], on=(empty, made)
    )
    found = await probe.ask("GET", f"/conversations/{made.json['id']}")
    same(probe, f"{GOT}.equals-what-was-created", made.json, found.json, made, found)
    missing(probe, f"{GOT}.unknown-id-is-404", await probe.request("GET", UNKNOWN))


@case(
    f"{MADE}.limits",
    requirements=[
        f"{MADE}.keeps-items",
        f"{MADE}.twenty-items-are-accepted",
        f"{MADE}.twenty-one-items-are-refused",
        f"{MADE}.malformed-item-is-refused",
        f"{MADE}.metadata-at-limits-are-accepted",
        f"{MADE}.metadata-beyond-limits-are-refused",
        f"{ITEMS}.default-page-is-twenty",
    ],
    requests=11,
    needs=NEEDS,
)
async def limits(probe: Probe) -> None:
    """What a new conversation may hold."""
    words = [probe.word() for _ in range(20)]
    full = await probe.request("POST", "/conversations", {"items": [user(word) for word in words]})
    probe.demand(full)
    same(probe, f"{MADE}.twenty-items-are-accepted", 200, full.status, full)
    path = f"/conversations/{full.json['id']}"
    same(probe, f"{MADE}.keeps-items", words, await texts(probe, path), full, probe.exchanges[-1])
    await probe.ask("POST", f"{path}/items", {"items": [user("one more")]})
    page = await probe.ask("GET", f"{path}/items")
    shape = (len(page.json["data"]), page.json.get("has_more"))
    same(probe, f"{ITEMS}.default-page-is-twenty", (20, True), shape, page)
    over = await probe.request("POST", "/conversations", {"items": [user("x")] * 21})
    refused(probe, f"{MADE}.twenty-one-items-are-refused", over)
    odd = await probe.request("POST", "/conversations", {"items": [STRANGE]})
    refused(probe, f"{MADE}.malformed-item-is-refused", odd)
    edge = {f"{n:02}" + "k" * 62: "v" * 512 for n in range(16)}
    inside = await probe.request("POST", "/conversations", {"metadata": edge})
    same(probe, f"{MADE}.metadata-at-limits-are-accepted", 200, inside.status, inside)
    beyond: tuple[JSON, ...] = (
        {f"k{n}": "v" for n in range(17)},
        {"k" * 65: "v"},
        {"k": "v" * 513},
        {"k": 1},
    )
    for metadata in beyond:
        answer = await probe.request("POST", "/conversations", {"metadata": metadata})
        refused(probe, f"{MADE}.metadata-beyond-limits-are-refused", answer)


@case(
    f"{CHANGED}.metadata",
    requirements=[
        f"{CHANGED}.changes-metadata",
        f"{CHANGED}.keeps-identity",
        f"{CHANGED}.metadata-is-required",
        f"{CHANGED}.unknown-id-is-404",
    ],
    requests=5,
    needs=NEEDS,
)
async def update(probe: Probe) -> None:
    """A conversation's metadata are changed."""
    made = await probe.ask("POST", "/conversations", {"metadata": {"a": "1"}})
    path = f"/conversations/{made.json['id']}"
    answer = await probe.ask("POST", path, {"metadata": {"a": "2"}})
    found = await probe.ask("GET", path)
    seen = [one.json["metadata"].get("a") for one in (answer, found)]
    same(probe, f"{CHANGED}.changes-metadata", ["2", "2"], seen, answer, found)
    keys = ("id", "created_at", "object")
    same(
        probe, f"{CHANGED}.keeps-identity", [made.json[k] for k in keys], [found.json[k] for k in keys], found
    )
    refused(probe, f"{CHANGED}.metadata-is-required", await probe.request("POST", path, {}))
    missing(probe, f"{CHANGED}.unknown-id-is-404", await probe.request("POST", UNKNOWN, {"metadata": {}}))


@case(
    f"{GONE}.once",
    requirements=[
        f"{GONE}.answers-with-the-deletion",
        f"{GONE}.then-retrieve-is-404",
        f"{GONE}.twice-is-404",
        f"{GONE}.then-items-are-404",
        f"{GONE}.then-use-is-refused",
        f"{GONE}.keeps-responses",
    ],
    requests=8,
    tokens=30,
    needs=NEEDS,
    profiles=("core",),
)
async def delete(probe: Probe) -> None:
    """A conversation is deleted, and looked for afterwards."""
    name, path = await opened(probe)
    made = await probe.create(input="Say: ok", conversation=name, max_output_tokens=16)
    answer = await probe.ask("DELETE", path)
    wanted = {"id": name, "object": "conversation.deleted", "deleted": True}
    same(probe, f"{GONE}.answers-with-the-deletion", wanted, answer.json, answer)
    refused(probe, f"{GONE}.then-retrieve-is-404", await probe.request("GET", path), 404)
    refused(probe, f"{GONE}.twice-is-404", await probe.request("DELETE", path), 404)
    refused(probe, f"{GONE}.then-items-are-404", await probe.request("GET", f"{path}/items"), 404)
    added = await probe.request("POST", f"{path}/items", {"items": [user("Hi")]})
    refused(probe, f"{GONE}.then-items-are-404", added, 404)
    used = await probe.attempt(input="Hi", conversation=name, max_output_tokens=16)
    refused(probe, f"{GONE}.then-use-is-refused", used, 400, 404)
    kept = await probe.request("GET", f"/responses/{made.json['id']}")
    same(probe, f"{GONE}.keeps-responses", 200, kept.status, kept)


@case(
    f"{ITEMS}.pages",
    requirements=[*rules(ITEMS), f"{ITEMS}.empty-list-has-null-ids"],
    requests=REQUESTS + 3,
    needs=NEEDS,
)
async def pages(probe: Probe) -> None:
    """The list of a conversation's items is read in all ways."""
    _, path = await opened(probe)
    none = await probe.ask("GET", f"{path}/items")
    same(
        probe,
        f"{ITEMS}.empty-list-has-null-ids",
        ([], False),
        (ids_of(none), none.json.get("has_more")),
        none,
    )
    made = await probe.ask("POST", f"{path}/items", {"items": [user(probe.word()) for _ in range(4)]})
    await check_list(probe, ITEMS, f"{path}/items", ids_of(made))


@case(
    f"{ITEMS}.adding",
    requirements=[
        f"{ITEMS}.create-answers-with-the-created",
        f"{ITEMS}.create-appends",
        f"{ITEMS}.create-twenty-are-accepted",
        f"{ITEMS}.create-twenty-one-are-refused",
        f"{ITEMS}.create-needs-items",
        f"{ITEMS}.create-malformed-is-refused",
        f"{ITEMS}.create-in-unknown-is-404",
    ],
    requests=10,
    needs=NEEDS,
    profiles=("core",),
)
async def adding(probe: Probe) -> None:
    """Items are added, rightly and wrongly."""
    first, *words = [probe.word() for _ in range(3)]
    _, path = await opened(probe, items=[user(first)])
    made = await probe.ask("POST", f"{path}/items", {"items": [user(word) for word in words]})
    shown = [(bool(item.get("id")), item["content"][0]["text"]) for item in made.json["data"]]
    same(probe, f"{ITEMS}.create-answers-with-the-created", [(True, word) for word in words], shown, made)
    same(probe, f"{ITEMS}.create-appends", [first, *words], await texts(probe, path), probe.exchanges[-1])
    wrong: dict[str, JSON] = {
        "create-twenty-one-are-refused": {"items": [user("x")] * 21},
        "create-malformed-is-refused": {"items": [user("x"), STRANGE]},
        "create-needs-items": {},
    }
    for rule, body in wrong.items():
        if refused(probe, f"{ITEMS}.{rule}", await probe.request("POST", f"{path}/items", body)) and body:
            same(probe, f"{ITEMS}.{rule}", [first, *words], await texts(probe, path), *probe.exchanges[-2:])
    many = await probe.request("POST", f"{path}/items", {"items": [user("x")] * 20})
    same(probe, f"{ITEMS}.create-twenty-are-accepted", 200, many.status, many)
    nowhere = await probe.request("POST", f"{UNKNOWN}/items", {"items": [user("x")]})
    missing(probe, f"{ITEMS}.create-in-unknown-is-404", nowhere)


@case(
    f"{ITEMS}.single",
    requirements=[
        f"{ITEMS}.retrieve-equals-listed",
        f"{ITEMS}.retrieve-unknown-is-404",
        f"{ITEMS}.retrieve-from-another-is-404",
        f"{ITEMS}.delete-answers-with-the-conversation",
        f"{ITEMS}.delete-removes-that-item",
        f"{ITEMS}.delete-twice-is-404",
        f"{ITEMS}.keeps-every-kind",
    ],
    requests=10,
    needs=NEEDS,
)
async def single(probe: Probe) -> None:
    """One item is retrieved and deleted."""
    given = [
        {"role": "system", "content": [{"type": "input_text", "text": "Be kind."}], "type": "message"},
        user("Weather?"),
        call_of(WEATHER, "call_a1"),
        output_of("call_a1", "rain"),
    ]
    _, path = await opened(probe, items=given)
    _, elsewhere = await opened(probe)
    listed = await probe.ask("GET", f"{path}/items", query={"order": "asc"})
    kept = [
        {key: item.get(key) for key in sent} for sent, item in zip(given, listed.json["data"], strict=False)
    ]
    same(probe, f"{ITEMS}.keeps-every-kind", given, kept, listed)
    item = listed.json["data"][1]
    found = await probe.ask("GET", f"{path}/items/{item['id']}")
    same(probe, f"{ITEMS}.retrieve-equals-listed", item, found.json, listed, found)
    unknown = await probe.request("GET", f"{path}/items/msg_{'0f' * 24}")
    missing(probe, f"{ITEMS}.retrieve-unknown-is-404", unknown)
    other = await probe.request("GET", f"{elsewhere}/items/{item['id']}")
    missing(probe, f"{ITEMS}.retrieve-from-another-is-404", other)
    await _delete_item(probe, path, item["id"], listed)


async def _delete_item(probe: Probe, path: str, item_id: str, before: Exchange) -> None:
    answer = await probe.ask("DELETE", f"{path}/items/{item_id}")
    wanted = (path.rpartition("/")[2], "conversation")
    found = (answer.json.get("id"), answer.json.get("object"))
    same(probe, f"{ITEMS}.delete-answers-with-the-conversation", wanted, found, answer)
    after = await probe.ask("GET", f"{path}/items", query={"order": "asc"})
    rest = [one for one in ids_of(before) if one != item_id]
    same(probe, f"{ITEMS}.delete-removes-that-item", rest, ids_of(after), before, answer, after)
    again = await probe.request("DELETE", f"{path}/items/{item_id}")
    refused(probe, f"{ITEMS}.delete-twice-is-404", again, 404)

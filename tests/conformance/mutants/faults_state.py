"""Faults of what is kept: chains, storing, deletion, lists, conversations, isolation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.conformance.mutants.exchange import JSON, Answer, Asked, Fault, World

CHAIN = "state.chain"
STORE = "state.store"
ITEMS = "responses.input_items"
GONE = "responses.delete"
CONV = "conversations"


def request(method: str, path: str, like: Asked, json: JSON | None = None, **query: str) -> Asked:
    """Another request of the same caller."""
    headers = {name: value for name, value in like.headers.items() if name not in ("content-type", "accept")}
    if json is not None:
        headers["content-type"] = "application/json"
    return Asked(method, path, query, headers, b"", json)


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Answer(
        status, {"content-type": "application/json", "x-request-id": "req_of_a_fault"}, b"", {"error": error}
    )


def reply(body: JSON) -> Answer:
    return Answer(200, {"content-type": "application/json", "x-request-id": "req_of_a_fault"}, b"", body)


# Chains.


async def _forget(asked: Asked, world: World) -> None:
    """`previous_response_id` is taken, said again, and not used."""
    if asked.creates and asked.json and asked.json.get("previous_response_id"):
        known = await world.ask(request("GET", f"/responses/{asked.json['previous_response_id']}", asked))
        if known.ok:
            world.memory[str(asked.json.pop("previous_response_id"))] = True


def as_list(value: Any) -> list[Any]:
    return [{"role": "user", "content": value}] if isinstance(value, str) else list(value or [])


def _rewritten(keep: Callable[[list[JSON]], list[JSON]]) -> Callable[[Asked, World], Awaitable[None]]:
    """The chain made into plain input, through `keep`."""

    async def asking(asked: Asked, world: World) -> None:
        body = asked.json
        if not asked.creates or body is None or not body.get("previous_response_id"):
            return
        history = await _history(str(body["previous_response_id"]), asked, world)
        if history is not None:
            del body["previous_response_id"]
            body["input"] = [*keep(history), *as_list(body.get("input"))]

    return asking


async def _history(response_id: str, asked: Asked, world: World) -> list[JSON] | None:
    """What the chain up to this response said, oldest first."""
    known = await world.ask(request("GET", f"/responses/{response_id}", asked))
    if not known.ok or known.json is None:
        return None
    path = f"/responses/{response_id}/input_items"
    listed = await world.ask(request("GET", path, asked, order="asc", limit="100"))
    given = (listed.json or {}).get("data", [])
    return [*given, *known.json["output"]]


def _without_calls(items: list[JSON]) -> list[JSON]:
    return [item for item in items if item.get("type") != "function_call"]


def _user_only(items: list[JSON]) -> list[JSON]:
    return [item for item in items if item.get("role") == "user"]


async def _inherit(asked: Asked, world: World) -> None:
    """Instructions of the response before hold on."""
    body = asked.json
    if asked.creates and body and body.get("previous_response_id") and not body.get("instructions"):
        known = await world.ask(request("GET", f"/responses/{body['previous_response_id']}", asked))
        if known.ok and known.json and known.json.get("instructions"):
            body["instructions"] = known.json["instructions"]


async def _inherit_tools(asked: Asked, world: World) -> None:
    body = asked.json
    if asked.creates and body and body.get("previous_response_id") and "tools" not in body:
        known = await world.ask(request("GET", f"/responses/{body['previous_response_id']}", asked))
        if known.ok and known.json and known.json.get("tools"):
            body["tools"] = known.json["tools"]


async def _unknown_starts_anew(asked: Asked, world: World) -> None:
    """An unknown `previous_response_id` is ignored in silence."""
    body = asked.json
    if asked.creates and body and body.get("previous_response_id"):
        known = await world.ask(request("GET", f"/responses/{body['previous_response_id']}", asked))
        if not known.ok:
            del body["previous_response_id"]


async def _unknown_is_detail(asked: Asked, answer: Answer, world: World) -> None:
    if asked.creates and not answer.ok and asked.json and asked.json.get("previous_response_id"):
        answer.status, answer.json = 404, {"detail": "Response not found"}


async def _unknown_is_404(asked: Asked, answer: Answer, world: World) -> None:
    if asked.creates and not answer.ok and asked.json and asked.json.get("previous_response_id"):
        answer.status = 404


async def _both_taken(asked: Asked, world: World) -> None:
    if asked.creates and asked.json and asked.json.get("previous_response_id"):
        asked.json.pop("conversation", None)


async def _no_previous(asked: Asked, answer: Answer, world: World) -> None:
    if answer.json is not None and "previous_response_id" in answer.json:
        answer.json["previous_response_id"] = None


CHAINS = (
    Fault(
        "state.previous-response-ignored",
        "`previous_response_id` is taken and not used.",
        (f"{CHAIN}.earlier-turns-are-counted",),
        asked=_forget,
    ),
    Fault(
        "state.previous-response-not-told",
        "The response does not say `previous_response_id`.",
        ("responses.create.previous-response-id-comes-back",),
        ("state.chain.two-turns",),
        answered=_no_previous,
    ),
    Fault(
        "state.calls-dropped-from-the-chain",
        "The chain forgets function calls.",
        (f"{CHAIN}.function-call-is-carried",),
        asked=_rewritten(_without_calls),
    ),
    Fault(
        "state.output-dropped-from-the-chain",
        "The chain keeps what the user said alone.",
        (f"{CHAIN}.function-call-is-carried",),
        asked=_rewritten(_user_only),
    ),
    Fault(
        "state.instructions-inherited",
        "Instructions go over to the next response.",
        ("responses.create.instructions-has-its-default",),
        ("state.chain.instructions",),
        asked=_inherit,
    ),
    Fault(
        "state.tools-inherited",
        "Tools go over to the next response.",
        (f"{CHAIN}.tools-are-not-inherited",),
        asked=_inherit_tools,
    ),
    Fault(
        "state.unknown-previous-ignored",
        "An unknown `previous_response_id` starts a new chain.",
        ("responses.errors.unknown-previous-response-is-refused",),
        asked=_unknown_starts_anew,
    ),
    Fault(
        "state.unknown-previous-is-404-detail",
        "An unknown `previous_response_id` is a 404 with `detail`.",
        ("responses.errors.body-is-an-error-object",),
        ("responses.errors.unknown-previous",),
        answered=_unknown_is_detail,
    ),
    Fault(
        "state.unknown-previous-is-404",
        "An unknown `previous_response_id` is a 404.",
        ("responses.errors.unknown-previous-response-has-its-code",),
        answered=_unknown_is_404,
    ),
    Fault(
        "state.previous-and-conversation-taken",
        "`previous_response_id` and `conversation` are taken together.",
        (f"{CHAIN}.excludes-conversation",),
        asked=_both_taken,
    ),
)


# Storing and deleting.


async def _store_all(asked: Asked, world: World) -> None:
    if asked.creates and asked.json and asked.json.get("store") is False:
        asked.json["store"] = True


async def _store_none(asked: Asked, world: World) -> None:
    if asked.creates and asked.json:
        asked.json.setdefault("store", False)


async def _store_no_stream(asked: Asked, world: World) -> None:
    if asked.creates and asked.json and asked.json.get("stream") and not asked.json.get("background"):
        asked.json["store"] = False


async def _keep_deleted(asked: Asked, world: World) -> Answer | None:
    """A deletion is confirmed and not done."""
    if asked.on("DELETE", "responses", "*"):
        known = await world.ask(request("GET", asked.path, asked))
        if known.ok:
            return reply({"id": asked.step, "object": "response", "deleted": True})
    return None


async def _delete_twice(asked: Asked, world: World) -> Answer | None:
    if asked.on("DELETE", "responses", "*"):
        if asked.step in world.memory:
            return reply({"id": asked.step, "object": "response", "deleted": True})
        world.memory[asked.step] = True
    return None


def _deletion(**fields: object) -> Callable[[Asked, Answer, World], Awaitable[None]]:
    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if asked.on("DELETE", "responses", "*") and answer.ok and answer.json is not None:
            answer.json.update(fields)

    return answered


async def _deletion_is_empty(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("DELETE", "responses", "*") and answer.ok:
        answer.json = {}


async def _unknown_is_null(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("GET", "responses", "*") and answer.status == 404:
        answer.status, answer.body, answer.json = 200, b"null", None


async def _retrieved_without_output(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("GET", "responses", "*") and answer.ok and answer.json is not None:
        answer.json["output"] = []


async def _retrieved_without_metadata(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("GET", "responses", "*") and answer.ok and answer.json is not None:
        answer.json["metadata"] = {}


async def _retrieved_anew(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("GET", "responses", "*") and answer.ok and answer.json is not None:
        world.memory["n"] = world.memory.get("n", 0) + 1
        answer.json["created_at"] += world.memory["n"]


STORED = (
    Fault(
        "store.false-is-stored",
        "`store: false` is stored all the same.",
        ("responses.create.store-false-is-not-kept",),
        asked=_store_all,
    ),
    Fault(
        "store.false-by-default",
        "Nothing is stored where the request does not say so.",
        (f"{STORE}.defaults-to-true",),
        asked=_store_none,
    ),
    Fault(
        "store.streams-are-not-stored",
        "Streamed responses are not stored.",
        ("responses.stream.is-stored-as-it-ended",),
        asked=_store_no_stream,
    ),
    Fault(
        "store.retrieved-without-output",
        "A retrieved response has no output.",
        ("responses.retrieve.equals-what-was-created",),
        answered=_retrieved_without_output,
    ),
    Fault(
        "store.retrieved-without-metadata",
        "A retrieved response has lost its metadata.",
        ("responses.retrieve.keeps-metadata",),
        answered=_retrieved_without_metadata,
    ),
    Fault(
        "store.changes-with-time",
        "`created_at` is another on each retrieval.",
        ("responses.retrieve.is-repeatable",),
        answered=_retrieved_anew,
    ),
    Fault(
        "store.unknown-is-null",
        "An unknown response is a 200 with `null`.",
        ("responses.retrieve.unknown-id-is-404",),
        answered=_unknown_is_null,
    ),
    Fault(
        "delete.not-done",
        "A deletion is confirmed and not done.",
        (f"{GONE}.then-retrieve-is-404",),
        asked=_keep_deleted,
    ),
    Fault("delete.twice", "A second deletion succeeds.", (f"{GONE}.twice-is-404",), asked=_delete_twice),
    Fault(
        "delete.says-false",
        "A deletion says `deleted: false`.",
        (f"{GONE}.answers-with-the-deletion",),
        answered=_deletion(deleted=False),
    ),
    Fault(
        "delete.another-id",
        "A deletion names another id.",
        (f"{GONE}.answers-with-the-deletion",),
        answered=_deletion(id="resp_other"),
    ),
    Fault(
        "delete.empty-object",
        "A deletion is answered with `{}`.",
        (f"{GONE}.answers-with-the-deletion",),
        answered=_deletion_is_empty,
    ),
)


# Lists.


def _page(
    change: Callable[[JSON, Asked], object], *form: str
) -> Callable[[Asked, Answer, World], Awaitable[None]]:
    """A change of the pages of one list."""

    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if asked.on("GET", *form) and answer.ok and answer.json is not None and "data" in answer.json:
            change(answer.json, asked)

    return answered


def _ignore(name: str, *form: str) -> Callable[[Asked, World], Awaitable[None]]:
    async def asking(asked: Asked, world: World) -> None:
        if asked.on("GET", *form):
            asked.query.pop(name, None)

    return asking


def _no_ids(page: JSON, asked: Asked) -> None:
    for item in page["data"]:
        item.pop("id", None)


def _clamp(*form: str) -> Callable[[Asked, World], Awaitable[None]]:
    """A `limit` beyond its edges is silently brought inside."""

    async def asking(asked: Asked, world: World) -> None:
        told = asked.query.get("limit", "")
        if asked.on("GET", *form) and told.lstrip("-").isdigit():
            asked.query["limit"] = str(min(100, max(1, int(told))))

    return asking


def _off_by_one(page: JSON, asked: Asked) -> None:
    """The item after which the page goes on is on it again: modelled by leaving out the next one."""
    if asked.query.get("after") and page["data"]:
        page["data"] = page["data"][1:]


def _reversed(page: JSON, asked: Asked) -> None:
    page["data"].reverse()
    page["first_id"], page["last_id"] = page["last_id"], page["first_id"]


def _bare(page: JSON, asked: Asked) -> None:
    for name in ("first_id", "last_id", "has_more"):
        page.pop(name, None)


async def _with_output(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("GET", *RESPONSE_ITEMS) and answer.ok and answer.json is not None:
        made = await world.ask(request("GET", f"/responses/{asked.step}", asked))
        answer.json["data"] = [*reversed((made.json or {}).get("output", [])), *answer.json["data"]]


RESPONSE_ITEMS = ("responses", "*", "input_items")

LISTS = (
    Fault(
        "list.has-more-always",
        "`has_more` is always true.",
        (f"{ITEMS}.after-the-last-is-empty",),
        answered=_page(lambda p, a: p.update(has_more=True), *RESPONSE_ITEMS),
    ),
    Fault(
        "list.has-more-never",
        "`has_more` is always false.",
        (f"{ITEMS}.limit-bounds-a-page",),
        answered=_page(lambda p, a: p.update(has_more=False), *RESPONSE_ITEMS),
    ),
    Fault(
        "list.after-ignored",
        "`after` is ignored.",
        (f"{ITEMS}.after-goes-on",),
        asked=_ignore("after", *RESPONSE_ITEMS),
    ),
    Fault(
        "list.after-leaves-one-out",
        "A page after the first lacks its first item.",
        (f"{ITEMS}.after-goes-on",),
        answered=_page(_off_by_one, *RESPONSE_ITEMS),
    ),
    Fault(
        "list.order-ignored",
        "`order` is ignored.",
        (f"{ITEMS}.ascending-is-the-reverse",),
        asked=_ignore("order", *RESPONSE_ITEMS),
    ),
    Fault(
        "list.order-reversed",
        "Lists stand the other way round.",
        (f"{ITEMS}.keeps-order-of-input",),
        answered=_page(_reversed, *RESPONSE_ITEMS),
    ),
    Fault(
        "list.limit-ignored",
        "`limit` is ignored.",
        (f"{ITEMS}.limit-bounds-a-page",),
        asked=_ignore("limit", *RESPONSE_ITEMS),
    ),
    Fault(
        "list.limit-clamped",
        "A `limit` of 0 or 101 is taken.",
        (f"{ITEMS}.limit-beyond-edges-is-refused",),
        asked=_clamp(*RESPONSE_ITEMS),
    ),
    Fault(
        "list.items-without-ids",
        "Listed items have no ids.",
        ("shapes.items.message",),
        ("responses.input_items.pages",),
        answered=_page(_no_ids, *RESPONSE_ITEMS),
    ),
    Fault(
        "list.envelope-bare",
        "A list is `{object, data}` alone.",
        ("shapes.lists.envelope",),
        ("responses.input_items.pages",),
        answered=_page(_bare, *RESPONSE_ITEMS),
    ),
    Fault(
        "list.first-id-wrong",
        "`first_id` is that of the last item.",
        (f"{ITEMS}.envelope-names-first-and-last",),
        answered=_page(lambda p, a: p.update(first_id=p["last_id"]), *RESPONSE_ITEMS),
    ),
    Fault(
        "list.object-wrong",
        "A list has the `object` `page`.",
        ("shapes.lists.envelope",),
        ("responses.input_items.pages",),
        answered=_page(lambda p, a: p.update(object="page"), *RESPONSE_ITEMS),
    ),
    Fault(
        "list.output-among-input",
        "The output is listed among the input items.",
        (f"{ITEMS}.output-is-not-listed",),
        answered=_with_output,
    ),
)


# Conversations.


async def _not_appended(asked: Asked, world: World) -> None:
    """The conversation is read, and nothing is added to it."""
    body = asked.json
    if not asked.creates or body is None or not body.get("conversation"):
        return
    given = body.pop("conversation")
    name = given.get("id") if isinstance(given, dict) else given
    listed = await world.ask(request("GET", f"/conversations/{name}/items", asked, order="asc", limit="100"))
    if not listed.ok or listed.json is None:
        body["conversation"] = given
        return
    asked.notes["conversation"] = name
    body["input"] = [*listed.json["data"], *as_list(body.get("input"))]


async def _say_conversation(asked: Asked, answer: Answer, world: World) -> None:
    if asked.creates and answer.ok and answer.json is not None and "conversation" in asked.notes:
        answer.json["conversation"] = {"id": asked.notes["conversation"]}


async def _not_read(asked: Asked, world: World) -> None:
    """The conversation is added to, and not read: an empty one is used instead."""
    body = asked.json
    if asked.creates and body is not None and body.get("conversation"):
        given = body["conversation"]
        made = await world.ask(request("POST", "/conversations", asked, {}))
        body["conversation"] = (made.json or {}).get("id")
        asked.notes["conversation"] = given.get("id") if isinstance(given, dict) else given


def _twenty(*form: str) -> Callable[[Asked, World], Awaitable[None]]:
    """More items than are allowed are taken; those beyond are lost."""

    async def asking(asked: Asked, world: World) -> None:
        items = (asked.json or {}).get("items")
        if asked.on("POST", *form) and isinstance(items, list) and len(items) > 20 and asked.json is not None:
            asked.json["items"] = items[:20]

    return asking


async def _conversation_kept(asked: Asked, world: World) -> Answer | None:
    if asked.on("DELETE", "conversations", "*"):
        known = await world.ask(request("GET", asked.path, asked))
        if known.ok:
            return reply({"id": asked.step, "object": "conversation.deleted", "deleted": True})
    return None


async def _item_kept(asked: Asked, world: World) -> Answer | None:
    if asked.on("DELETE", "conversations", "*", "items", "*"):
        return await world.ask(request("GET", f"/conversations/{asked.step}", asked))
    return None


async def _item_deletion(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("DELETE", "conversations", "*", "items", "*") and answer.ok:
        answer.json = {
            "id": asked.path.rpartition("/")[2],
            "object": "conversation.item.deleted",
            "deleted": True,
        }


async def _metadata_merged(asked: Asked, world: World) -> None:
    """Updating metadata adds to it instead of replacing it."""
    if asked.on("POST", "conversations", "*") and asked.json and isinstance(asked.json.get("metadata"), dict):
        known = await world.ask(request("GET", asked.path, asked))
        asked.json["metadata"] = {**((known.json or {}).get("metadata") or {}), **asked.json["metadata"]}


async def _items_reversed(asked: Asked, world: World) -> None:
    if asked.json is not None and asked.path.startswith("/conversations") and asked.method == "POST":
        items = asked.json.get("items")
        if isinstance(items, list):
            items.reverse()


def _conversation_object(
    change: Callable[[JSON], object],
) -> Callable[[Asked, Answer, World], Awaitable[None]]:
    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if answer.ok and answer.json is not None and answer.json.get("object") == "conversation":
            change(answer.json)

    return answered


CONVERSATIONS = (
    Fault(
        "conversation.not-appended",
        "A response adds nothing to its conversation.",
        (f"{CONV}.use.input-and-output-are-appended",),
        asked=_not_appended,
        answered=_say_conversation,
    ),
    Fault(
        "conversation.not-read",
        "A response does not see its conversation.",
        (f"{CONV}.use.items-are-context",),
        asked=_not_read,
        answered=_say_conversation,
    ),
    Fault(
        "conversation.items-reversed",
        "Items are added in the wrong order.",
        (f"{CONV}.create.keeps-items",),
        asked=_items_reversed,
    ),
    Fault(
        "conversation.create-21-items",
        "A conversation is made with 21 items.",
        (f"{CONV}.create.twenty-one-items-are-refused",),
        asked=_twenty("conversations"),
    ),
    Fault(
        "conversation.add-21-items",
        "21 items are added at once.",
        (f"{CONV}.items.create-twenty-one-are-refused",),
        asked=_twenty("conversations", "*", "items"),
    ),
    Fault(
        "conversation.deletion-not-done",
        "A conversation's deletion is confirmed and not done.",
        (f"{CONV}.delete.then-retrieve-is-404",),
        asked=_conversation_kept,
    ),
    Fault(
        "conversation.item-deletion-not-done",
        "An item's deletion is confirmed and not done.",
        (f"{CONV}.items.delete-removes-that-item",),
        asked=_item_kept,
    ),
    Fault(
        "conversation.item-deletion-answers-item",
        "Deleting an item answers with the item's deletion.",
        (f"{CONV}.items.delete-answers-with-the-conversation",),
        answered=_item_deletion,
    ),
    Fault(
        "conversation.metadata-merged",
        "New metadata is added to the old.",
        gap="No source says whether an update replaces metadata or adds to it.",
        asked=_metadata_merged,
    ),
    Fault(
        "conversation.created-at-missing",
        "Conversations lack `created_at`.",
        ("shapes.objects.conversation",),
        ("conversations.create.plain",),
        answered=_conversation_object(lambda c: c.pop("created_at")),
    ),
    Fault(
        "conversation.list-has-more-never",
        "Conversation items always say `has_more: false`.",
        (f"{CONV}.items.limit-bounds-a-page",),
        answered=_page(lambda p, a: p.update(has_more=False), "conversations", "*", "items"),
    ),
    Fault(
        "conversation.list-after-ignored",
        "`after` is ignored in conversation items.",
        (f"{CONV}.items.after-goes-on",),
        asked=_ignore("after", "conversations", "*", "items"),
    ),
)


# Isolation.


async def _one_tenant(asked: Asked, world: World) -> None:
    """All keys are one caller: the first one that was seen."""
    key = asked.headers.get("authorization")
    if key is not None:
        asked.headers["authorization"] = world.memory.setdefault("key", key)


async def _no_key(asked: Asked, world: World) -> None:
    key = asked.headers.get("authorization")
    if key is not None and "key" not in world.memory:
        world.memory["key"] = key
    elif key is None and "key" in world.memory:
        asked.headers["authorization"] = world.memory["key"]


ISOLATION = (
    Fault(
        "isolation.keys-share-everything",
        "What one key stores, another can read.",
        ("isolation.keys.response-is-hidden", "isolation.keys.conversation-is-hidden"),
        asked=_one_tenant,
    ),
    Fault(
        "isolation.no-key-needed",
        "A request without a key is served.",
        gap="A server may need no key; no case sends a request without one.",
        asked=_no_key,
    ),
)


FAULTS = (*CHAINS, *STORED, *LISTS, *CONVERSATIONS, *ISOLATION)

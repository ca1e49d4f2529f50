"""Faults of what reaches the model, of what is taken or refused wrongly, and of the side doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.conformance.mutants.exchange import JSON, Answer, Asked, Fault, Frame, World, of_event
from tests.conformance.mutants.faults_state import as_list, error, request
from tests.conformance.mutants.stream import each, kind

C, S, E, P = "responses.create", "responses.stream", "responses.errors", "tools.pairing"
Asking = Callable[[Asked, World], Awaitable["Answer | None"]]
Answered = Callable[[Asked, Answer, World], Awaitable[None]]


def _body(change: Callable[[JSON], object]) -> Asking:
    """A change of the body of every create request."""

    async def asking(asked: Asked, world: World) -> None:
        if asked.creates and asked.json is not None:
            change(asked.json)

    return asking


def _items(keep: Callable[[list[Any]], list[Any]]) -> Asking:
    """A change of an input that is a list."""
    return _body(lambda body: isinstance(body.get("input"), list) and body.update(input=keep(body["input"])))


def _without_roles(*roles: str) -> Callable[[list[Any]], list[Any]]:
    return lambda items: [item for item in items if item.get("role") not in roles]


def _from_last_user(items: list[Any]) -> list[Any]:
    at = max((n for n, item in enumerate(items) if item.get("role") == "user"), default=0)
    return items[at:]


def _by_place(items: list[Any]) -> list[Any]:
    """Outputs must follow their calls at once: others are taken for strangers."""
    kept: list[Any] = []
    for item in items:
        if (
            item.get("type") == "function_call_output"
            and kept
            and kept[-1].get("call_id") != item.get("call_id")
        ):
            item = {**item, "call_id": "call_of_nobody"}
        kept.append(item)
    return kept


def _refuse(wrong: Callable[[JSON], bool], message: str) -> Asking:
    """A right request is refused."""

    async def asking(asked: Asked, world: World) -> Answer | None:
        if asked.creates and asked.json is not None and wrong(asked.json):
            return error(400, message, code="invalid_value")
        return None

    return asking


def _has(body: JSON, test: Callable[[JSON], bool]) -> bool:
    items = body.get("input")
    return isinstance(items, list) and any(isinstance(item, dict) and test(item) for item in items)


def _unpaired(items: list[Any]) -> list[Any]:
    """Outputs without their call and calls without their output are dropped in silence."""
    calls = {i.get("call_id") for i in items if i.get("type") == "function_call"}
    outputs = {i.get("call_id") for i in items if i.get("type") == "function_call_output"}
    both = calls & outputs
    return [
        i for i in items if not str(i.get("type")).startswith("function_call") or i.get("call_id") in both
    ] or [{"role": "user", "content": "?"}]


def _no_extra_headers() -> Asking:
    async def asking(asked: Asked, world: World) -> Answer | None:
        if "openai-beta" in asked.headers:
            return error(400, "Unknown beta.", code="invalid_beta")
        return None

    return asking


def _tools_in_order(body: JSON) -> None:
    if isinstance(body.get("tools"), list):
        body["tools"] = body["tools"][:8]


async def _drop_instructions(asked: Asked, world: World) -> None:
    if asked.creates and asked.json is not None:
        asked.notes["instructions"] = asked.json.pop("instructions", None)


async def _say_instructions(asked: Asked, answer: Answer, world: World) -> None:
    if answer.ok and answer.json is not None and "instructions" in answer.json:
        answer.json["instructions"] = asked.notes.get("instructions")


MODEL = (
    Fault(
        "model.instructions-lost",
        "`instructions` come back and do not reach the model.",
        (f"{C}.instructions-are-followed",),
        asked=_drop_instructions,
        answered=_say_instructions,
    ),
    Fault(
        "model.system-messages-lost",
        "System and developer messages do not reach the model.",
        (f"{C}.system-message-is-followed",),
        asked=_items(_without_roles("system", "developer")),
    ),
    Fault(
        "model.history-lost",
        "Only what follows the last user message reaches the model.",
        (f"{C}.history-reaches-the-model",),
        asked=_items(_from_last_user),
    ),
    Fault(
        "model.tool-outputs-lost",
        "Outputs of tools reach the model empty.",
        ("state.chain.tool-output-is-counted",),
        asked=_items(
            lambda items: [
                {**i, "output": ""} if i.get("type") == "function_call_output" else i for i in items
            ]
        ),
    ),
    Fault(
        "model.outputs-by-place",
        "An output must stand right behind its call.",
        (f"{P}.is-by-id-not-by-place",),
        asked=_items(_by_place),
    ),
    Fault(
        "take.unpaired-calls",
        "Calls without output and outputs without call are dropped in silence.",
        (f"{E}.output-without-its-call-is-refused", f"{E}.call-without-its-output-is-refused"),
        asked=_items(_unpaired),
    ),
    Fault(
        "refuse.easy-messages",
        "Messages without `type` are refused.",
        (f"{C}.input-may-be-messages",),
        asked=_refuse(lambda b: _has(b, lambda i: "role" in i and "type" not in i), "type is required"),
    ),
    Fault(
        "refuse.bare-output-text",
        "`output_text` without `annotations` is refused.",
        (f"{C}.assistant-history-is-taken",),
        asked=_refuse(
            lambda b: _has(
                b,
                lambda i: any(
                    isinstance(p, dict) and p.get("type") == "output_text" and "annotations" not in p
                    for p in i.get("content") or []
                    if not isinstance(p, str)
                ),
            ),
            "annotations",
        ),
    ),
    Fault(
        "refuse.client-ids",
        "Items with ids of the client's own are refused.",
        (f"{C}.client-made-ids-are-taken",),
        asked=_refuse(lambda b: _has(b, lambda i: "my-own" in str(i.get("id"))), "unknown id"),
    ),
    Fault(
        "refuse.developer-role",
        "The role `developer` is refused.",
        (f"{C}.every-role-is-taken",),
        asked=_refuse(lambda b: _has(b, lambda i: i.get("role") == "developer"), "unknown role"),
    ),
    Fault(
        "refuse.same-role-in-a-row",
        "Two user messages in a row are refused.",
        (f"{C}.same-role-in-a-row-is-taken",),
        asked=_refuse(
            lambda b: (
                isinstance(b.get("input"), list)
                and any(
                    x.get("role") == y.get("role") == "user"
                    for x, y in zip(b["input"], b["input"][1:], strict=False)
                )
            ),
            "roles must alternate",
        ),
    ),
    Fault(
        "refuse.null-parameters",
        "Null for an optional parameter is refused.",
        (f"{C}.null-parameters-are-taken",),
        asked=_refuse(lambda b: None in b.values(), "null is not allowed"),
    ),
    Fault(
        "refuse.output-with-parts",
        "`output` as a list of parts is refused.",
        (f"{P}.output-may-be-parts",),
        asked=_refuse(lambda b: _has(b, lambda i: isinstance(i.get("output"), list)), "output must be text"),
    ),
    Fault(
        "refuse.beta-header",
        "An `OpenAI-Beta` header is refused.",
        (f"{C}.unknown-headers-are-ignored",),
        asked=_no_extra_headers(),
    ),
    Fault(
        "refuse.forty-tools",
        "More than eight tools are cut off.",
        ("tools.declared.forty-are-accepted",),
        asked=_refuse(lambda b: len(b.get("tools") or []) > 32, "too many tools"),
    ),
    Fault(
        "refuse.tools-cut",
        "Tools after the eighth are dropped.",
        (f"{C}.tools-come-back",),
        ("responses.create.large",),
        asked=_body(_tools_in_order),
    ),
)


# Streams against plain answers.


async def _stream_error(asked: Asked, answer: Answer, world: World) -> None:
    """A refused stream is a stream with an error in it."""
    if asked.creates and asked.streams and not answer.ok and answer.json is not None:
        event = {"type": "error", "sequence_number": 0, **answer.json["error"]}
        event["type"] = "error"
        answer.status, answer.json, answer.body = 200, None, of_event(event).data()
        answer.headers["content-type"] = "text/event-stream"


async def _always_stream(asked: Asked, world: World) -> None:
    if asked.creates and asked.json is not None and "stream" in asked.json:
        asked.json["stream"] = True


def _one_piece(frames: list[Frame], asked: Asked) -> list[Frame]:
    """All deltas of a text in one."""
    deltas = [one for one in frames if kind(one) == "response.output_text.delta" and one.event]
    for one in deltas[1:]:
        deltas[0].event["delta"] += one.event["delta"]  # type: ignore[index]
        frames.remove(one)
    at = 0
    for one in frames:
        if one.event is not None:
            one.event["sequence_number"], at = at, at + 1
    return frames


def _obfuscated(event: JSON) -> None:
    event["obfuscation"] = "xxxx"


def _limit_completed(frames: list[Frame], asked: Asked) -> list[Frame]:
    for one in frames:
        if kind(one) == "response.incomplete" and one.event is not None:
            one.event["type"] = one.name = "response.completed"
            one.event["response"].update(status="completed", incomplete_details=None)
            one.event["response"]["completed_at"] = one.event["response"]["created_at"]
    return frames


def _changes_metadata(event: JSON) -> None:
    event["response"]["metadata"] = {"changed": "yes"}


def _kind_changes(event: JSON) -> None:
    if event["item"]["type"] == "function_call":
        event["item"]["type"] = "custom_tool_call"
        event["item"]["input"] = event["item"].pop("arguments")


def _created_with_output(event: JSON) -> None:
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    event["response"]["output"] = [
        {
            "type": "message",
            "id": "msg_early",
            "role": "assistant",
            "status": "in_progress",
            "content": [part],
        }
    ]


def _mangled(text: str) -> str:
    return text.encode("ascii", errors="replace").decode().replace("?", "\N{REPLACEMENT CHARACTER}")


def _mangle(item: JSON) -> None:
    for part in item.get("content") or []:
        if "text" in part:
            part["text"] = _mangled(part["text"])


STREAMS = (
    Fault(
        "text.broken-characters",
        "Characters beyond ASCII become U+FFFD.",
        (f"{C}.characters-stay-whole",),
        item=_mangle,
    ),
    Fault(
        "text.broken-characters-in-deltas",
        "Characters beyond ASCII become U+FFFD in deltas.",
        (f"{S}.characters-stay-whole",),
        frames=each(lambda e: e.update(delta=_mangled(e["delta"])), "response.output_text.delta"),
    ),
    Fault(
        "stream.error-inside",
        "A refused stream is a 200 with an error event.",
        (f"{S}.error-before-the-stream-is-plain-json",),
        answered=_stream_error,
    ),
    Fault(
        "stream.false-streams",
        "`stream: false` streams.",
        (f"{S}.stream-false-is-plain",),
        asked=_always_stream,
    ),
    Fault(
        "stream.obfuscation-always",
        "Deltas are obfuscated although that is turned off.",
        (f"{S}.obfuscation-can-be-turned-off",),
        frames=each(_obfuscated, "response.output_text.delta"),
    ),
    Fault(
        "stream.one-delta",
        "A long text comes in one delta.",
        (f"{S}.long-text-comes-in-pieces",),
        frames=_one_piece,
    ),
    Fault(
        "stream.cut-off-is-completed",
        "A stream that was cut off ends as completed.",
        (f"{S}.limit-ends-incomplete",),
        frames=_limit_completed,
    ),
    Fault(
        "stream.metadata-changes",
        "The terminal event has other metadata than the first.",
        (f"{S}.fields-of-the-request-do-not-change",),
        (f"{S}.text",),
        frames=each(_changes_metadata, "response.completed"),
    ),
    Fault(
        "stream.item-kind-changes",
        "A function call is done as another kind of item.",
        (f"{S}.item-kind-never-changes",),
        (f"{S}.function-call",),
        frames=each(_kind_changes, "response.output_item.done"),
    ),
    Fault(
        "stream.created-has-output",
        "`response.created` already has output.",
        (f"{S}.created-has-no-output-yet",),
        (f"{S}.text",),
        frames=each(_created_with_output, "response.created"),
    ),
    Fault(
        "stream.stored-differently",
        "The stored response is not the one that was streamed.",
        (f"{S}.is-stored-as-it-ended",),
        frames=each(lambda e: e["response"].update(service_tier="flex"), "response.completed"),
    ),
    Fault(
        "stream.fewer-fields",
        "The response of a stream has fewer fields than the plain one.",
        (f"{S}.carries-the-same-answer-as-plain",),
        frames=each(
            lambda e: [e["response"].pop(n, None) for n in ("service_tier", "truncation", "user")],
            "response.completed",
        ),
    ),
)


# Counting, compacting, other doors.


def _counting(change: Callable[[JSON], object]) -> Asking:
    async def asking(asked: Asked, world: World) -> None:
        if asked.on("POST", "responses", "input_tokens") and asked.json is not None:
            change(asked.json)

    return asking


def _counted(change: Callable[[JSON], object], *form: str) -> Answered:
    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if asked.on("POST", *form) and answer.ok and answer.json is not None:
            change(answer.json)

    return answered


def _pruned(body: JSON) -> None:
    body["output"] = body["output"][-1:]


def _two_compactions(body: JSON) -> None:
    body["output"].append({**body["output"][-1], "id": "cmp_second"})


def _unsealed(body: JSON) -> None:
    body["output"][-1]["encrypted_content"] = ""


async def _compact_chain(asked: Asked, world: World) -> None:
    if asked.on("POST", "responses", "compact") and asked.json is not None:
        asked.json.pop("previous_response_id", None)


COUNT, COMPACT = "responses.input_tokens", "responses.compact"

DOORS = (
    Fault(
        "count.instructions-not-counted",
        "Instructions are not counted.",
        (f"{COUNT}.counts-instructions",),
        asked=_counting(lambda b: b.pop("instructions", None)),
    ),
    Fault(
        "count.tools-not-counted",
        "Tools are not counted.",
        (f"{COUNT}.counts-tools",),
        asked=_counting(lambda b: b.pop("tools", None)),
    ),
    Fault(
        "count.chain-not-counted",
        "The chain is not counted.",
        (f"{COUNT}.counts-the-chain",),
        asked=_counting(lambda b: b.pop("previous_response_id", None)),
    ),
    Fault(
        "count.conversation-not-counted",
        "The conversation is not counted.",
        (f"{COUNT}.counts-the-conversation",),
        asked=_counting(lambda b: b.pop("conversation", None)),
    ),
    Fault(
        "count.off-by-one",
        "The count is one more than the usage.",
        (f"{COUNT}.counts-what-create-counts",),
        answered=_counted(
            lambda b: b.update(input_tokens=b["input_tokens"] + 1), "responses", "input_tokens"
        ),
    ),
    Fault(
        "count.object-wrong",
        "The count has another `object`.",
        (f"{COUNT}.answers-with-its-object",),
        answered=_counted(lambda b: b.update(object="tokens"), "responses", "input_tokens"),
    ),
    Fault(
        "compact.prunes-user-messages",
        "A compaction has lost the user messages.",
        (f"{COMPACT}.keeps-user-messages",),
        answered=_counted(_pruned, "responses", "compact"),
    ),
    Fault(
        "compact.two-compactions",
        "A compaction has two `compaction` items.",
        (f"{COMPACT}.ends-with-one-compaction",),
        answered=_counted(_two_compactions, "responses", "compact"),
    ),
    Fault(
        "compact.nothing-sealed",
        "A `compaction` item is empty.",
        (f"{COMPACT}.content-is-sealed",),
        answered=_counted(_unsealed, "responses", "compact"),
    ),
    Fault(
        "compact.chain-ignored",
        "`previous_response_id` of a compaction is ignored.",
        (f"{COMPACT}.of-a-chain",),
        asked=_compact_chain,
    ),
)


# Conversations and calls, the finer points.


async def _refused_appends(asked: Asked, answer: Answer, world: World) -> None:
    """The input of a refused request is added all the same."""
    given = (asked.json or {}).get("conversation")
    if asked.creates and not answer.ok and given:
        name = given.get("id") if isinstance(given, dict) else given
        body = {"items": as_list((asked.json or {}).get("input")) or [{"role": "user", "content": "?"}]}
        world.fired += 1
        await world.ask(request("POST", f"/conversations/{name}/items", asked, body))


async def _cascade(asked: Asked, world: World) -> None:
    """Deleting a response takes its items out of the conversation."""
    if asked.on("DELETE", "responses", "*"):
        known = await world.ask(request("GET", asked.path, asked))
        held = (known.json or {}).get("conversation") or {}
        for item in (known.json or {}).get("output", []) if held else []:
            world.fired += 1
            await world.ask(request("DELETE", f"/conversations/{held['id']}/items/{item['id']}", asked))


async def _conversation_cascade(asked: Asked, world: World) -> None:
    """Deleting a conversation deletes the responses that were made in it."""
    if asked.on("DELETE", "conversations", "*"):
        for name in world.memory.get(asked.step, []):
            world.fired += 1
            await world.ask(request("DELETE", f"/responses/{name}", asked))


async def _note_members(asked: Asked, answer: Answer, world: World) -> None:
    held = (answer.json or {}).get("conversation")
    if asked.creates and answer.ok and isinstance(held, dict) and answer.json is not None:
        world.memory.setdefault(held["id"], []).append(answer.json["id"])


async def _streamed_not_appended(asked: Asked, world: World) -> None:
    body = asked.json
    if asked.creates and body is not None and body.get("stream") and body.get("conversation"):
        body.pop("conversation")


async def _conversation_as_text(asked: Asked, answer: Answer, world: World) -> None:
    held = (answer.json or {}).get("conversation")
    if asked.creates and answer.ok and isinstance(held, dict) and answer.json is not None:
        answer.json["conversation"] = held["id"]


async def _other_ids(asked: Asked, answer: Answer, world: World) -> None:
    """Items have other ids in the conversation than in the response."""
    if asked.on("GET", "conversations", "*", "items") and answer.ok and answer.json is not None:
        for item in answer.json["data"]:
            item["id"] = item["id"] + "c"


async def _any_conversation(asked: Asked, answer: Answer, world: World) -> None:
    if asked.on("GET", "conversations", "*") and answer.status == 404:
        answer.status, answer.json = (
            200,
            {
                "id": asked.step,
                "object": "conversation",
                "created_at": 1,
                "metadata": {},
            },
        )


async def _same_response_ids(asked: Asked, answer: Answer, world: World) -> None:
    if asked.creates and answer.ok and answer.json is not None and "id" in answer.json:
        for item in answer.json.get("output") or []:
            item["id"] = f"{item['id'].partition('_')[0]}_0"


def _chat_prefix(response: JSON) -> None:
    if "id" in response:
        response["id"] = "chatcmpl-" + str(response["id"])[5:]


async def _call_id_is_item_id(asked: Asked, answer: Answer, world: World) -> None:
    for item in (answer.json or {}).get("output") or []:
        if item.get("type") == "function_call":
            item["call_id"] = item["id"]


def _loose_choice(body: JSON) -> None:
    """A `tool_choice` in the form of Chat Completions is taken."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        body["tool_choice"] = {"type": "function", "name": choice["function"].get("name")}


def _absent_choice(body: JSON) -> None:
    choice = body.get("tool_choice")
    names = [tool.get("name") for tool in body.get("tools") or []]
    if isinstance(choice, dict) and choice.get("type") == "function" and choice.get("name") not in names:
        body["tool_choice"] = "auto"


async def _wrong_key(asked: Asked, world: World) -> None:
    """Any key is a key."""
    if asked.headers.get("authorization", "").removeprefix("Bearer ") not in ("first-key", "second-key"):
        asked.headers["authorization"] = "Bearer first-key"


FINER = (
    Fault(
        "conversation.refused-request-appends",
        "The input of a refused request is added to the conversation.",
        ("conversations.use.refused-request-appends-nothing",),
        answered=_refused_appends,
    ),
    Fault(
        "conversation.response-deletion-cascades",
        "Deleting a response takes its items out of the conversation.",
        ("conversations.use.deleting-a-response-keeps-its-items",),
        asked=_cascade,
    ),
    Fault(
        "conversation.deletion-cascades",
        "Deleting a conversation deletes its responses.",
        ("conversations.delete.keeps-responses",),
        asked=_conversation_cascade,
        answered=_note_members,
    ),
    Fault(
        "conversation.streamed-not-appended",
        "Streamed responses add nothing to their conversation.",
        ("conversations.use.streamed-is-appended",),
        asked=_streamed_not_appended,
    ),
    Fault(
        "conversation.told-as-text",
        "`conversation` of a response is an id, not an object.",
        ("conversations.use.id-is-echoed",),
        answered=_conversation_as_text,
    ),
    Fault(
        "conversation.other-item-ids",
        "Items have other ids in the conversation than in the response.",
        ("conversations.use.output-ids-are-kept",),
        answered=_other_ids,
    ),
    Fault(
        "conversation.unknown-is-made",
        "An unknown conversation is found all the same.",
        ("conversations.retrieve.unknown-id-is-404",),
        answered=_any_conversation,
    ),
    Fault(
        "ids.items-of-all-responses-alike",
        "Items of every response have the same ids.",
        (f"{C}.responses-have-ids-of-their-own",),
        answered=_same_response_ids,
    ),
    Fault(
        "ids.chat-prefix",
        "Response ids begin with `chatcmpl-`.",
        (f"{C}.ids-begin-with-their-kind",),
        ("responses.create.plain",),
        response=_chat_prefix,
    ),
    Fault(
        "ids.call-id-is-item-id",
        "`call_id` is the item's id.",
        ("tools.call.id-and-call-id-differ",),
        answered=_call_id_is_item_id,
    ),
    Fault(
        "take.chat-style-tool-choice",
        "A `tool_choice` in the form of Chat Completions is taken.",
        ("tools.choice.nested-form-is-refused",),
        asked=_body(_loose_choice),
    ),
    Fault(
        "take.absent-tool",
        "A `tool_choice` that names no tool is taken as `auto`.",
        ("tools.choice.absent-tool-is-refused",),
        asked=_body(_absent_choice),
    ),
    Fault(
        "take.any-key",
        "Any key is taken.",
        gap="A server may need no key; one that needs a key and takes a wrong one looks the same.",
        asked=_wrong_key,
    ),
)

FAULTS = (*MODEL, *STREAMS, *DOORS, *FINER)

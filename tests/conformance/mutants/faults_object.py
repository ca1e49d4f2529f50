"""Faults of response objects: fields missing or wrong, usage, echoes, status, items."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.mutants.exchange import JSON, Answer, Asked, Changing, Fault, World
from tests.conformance.mutants.stream import unset

C = "responses.create"
PLAIN = ("responses.create.plain",)
CALL = ("tools.call.forced",)
LIMIT = ("responses.create.limit",)


def _slug(name: str) -> str:
    return name.replace("_", "-")


NEEDED = (
    "id",
    "object",
    "created_at",
    "model",
    "output",
    "parallel_tool_calls",
    "tool_choice",
    "tools",
    "error",
    "incomplete_details",
    "instructions",
    "metadata",
    "temperature",
    "top_p",
)
"""Fields of a response that are always there."""


def _lost(name: str) -> Fault:
    return Fault(
        f"field.{_slug(name)}-missing",
        f"Responses lack `{name}`.",
        (f"shapes.response.{_slug(name)}",),
        PLAIN,
        response=unset(name),
    )


WRONG: tuple[tuple[str, object, str], ...] = (
    ("id", 17, "a number"),
    ("object", "chat.completion", "`chat.completion`"),
    ("created_at", "2026-11-21T00:00:00Z", "text"),
    ("status", "done", "`done`"),
    ("output", None, "null"),
    ("tools", None, "null"),
    ("metadata", [], "a list"),
    ("error", "none", "text"),
    ("parallel_tool_calls", None, "null"),
    ("usage", {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}, "that of Chat Completions"),
    ("text", "text", "text"),
)
"""Field → a value of a wrong type or outside its values, and how it is called."""


def _wrong(name: str, value: object, called: str) -> Fault:
    def change(response: JSON) -> None:
        if name in response and (name != "usage" or response["usage"] is not None):
            response[name] = value

    slug = f"{_slug(name)}-is-{_slug(called).replace('`', '').replace(' ', '-').replace('.', '-').lower()}"
    what = f"`{name}` of a response is {called}."
    return Fault(f"field.{slug}", what, (f"shapes.response.{_slug(name)}",), PLAIN, response=change)


FIELDS = (
    *(_lost(name) for name in NEEDED),
    *(_wrong(name, value, called) for name, value, called in WRONG),
    Fault(
        "field.created-at-in-milliseconds",
        "`created_at` counts milliseconds.",
        (f"{C}.created-at-is-now-in-seconds",),
        PLAIN,
        response=lambda r: r.update(created_at=int(r["created_at"] * 1000)),
    ),
    Fault(
        "field.completed-at-before-created",
        "`completed_at` lies before `created_at`.",
        (f"{C}.completed-at-follows-created-at",),
        PLAIN,
        response=lambda r: r.get("completed_at") and r.update(completed_at=r["created_at"] - 100),
    ),
    Fault(
        "field.completed-at-null",
        "`completed_at` of a completed response is null.",
        (f"{C}.completed-at-is-told-when-completed",),
        PLAIN,
        response=lambda r: r.update(completed_at=None),
    ),
    Fault(
        "field.model-empty",
        "`model` is empty.",
        (f"{C}.model-is-told",),
        PLAIN,
        response=lambda r: r.update(model=""),
    ),
    Fault(
        "field.completed-with-error",
        "A completed response has an `error`.",
        (f"{C}.completed-has-no-error-and-no-reason",),
        PLAIN,
        response=lambda r: (
            r["status"] == "completed" and r.update(error={"code": "server_error", "message": "?"})
        ),
    ),
    Fault(
        "field.completed-with-reason",
        "A completed response has `incomplete_details`.",
        (f"{C}.completed-has-no-error-and-no-reason",),
        PLAIN,
        response=lambda r: (
            r["status"] == "completed" and r.update(incomplete_details={"reason": "max_output_tokens"})
        ),
    ),
)


def _of(kind: str, change: Changing) -> Changing:
    """A change of the items of this kind."""

    def changing(item: JSON) -> None:
        if item.get("type") == kind:
            change(item)

    return changing


def _part(change: Changing) -> Changing:
    def changing(item: JSON) -> None:
        for part in item.get("content") or []:
            change(part)

    return changing


def _twin(response: JSON) -> None:
    """The first item stands in the output twice."""
    if response.get("output"):
        response["output"] = [response["output"][0], *response["output"]]


ITEMS = (
    Fault(
        "item.message-without-status",
        "Messages lack `status`.",
        ("shapes.items.message",),
        PLAIN,
        item=_of("message", unset("status")),
    ),
    Fault(
        "item.message-without-role",
        "Messages lack `role`.",
        ("shapes.items.message",),
        PLAIN,
        item=_of("message", unset("role")),
    ),
    Fault(
        "item.message-without-id",
        "Messages lack `id`.",
        ("shapes.items.message",),
        PLAIN,
        item=_of("message", unset("id")),
    ),
    Fault(
        "item.message-content-is-text",
        "The content of a message is a string.",
        ("shapes.items.message",),
        PLAIN,
        item=_of("message", lambda i: i.get("content") and i.update(content=i["content"][0].get("text", ""))),
    ),
    Fault(
        "item.message-of-the-user",
        "Output messages have the role `user`.",
        ("shapes.items.message",),
        PLAIN,
        item=_of("message", lambda i: i.update(role="user")),
    ),
    Fault(
        "item.part-without-annotations",
        "Parts lack `annotations`.",
        ("shapes.parts.output-text",),
        PLAIN,
        item=_part(unset("annotations")),
    ),
    Fault(
        "item.part-annotations-null",
        "`annotations` of a part is null.",
        ("shapes.parts.output-text",),
        PLAIN,
        item=_part(lambda part: "annotations" in part and part.update(annotations=None)),
    ),
    Fault(
        "item.part-of-type-text",
        "Parts have the type `text`.",
        ("shapes.items.message",),
        PLAIN,
        item=_part(lambda part: part.update(type="text")),
    ),
    Fault(
        "item.message-in-progress",
        "The message of a completed response is `in_progress`.",
        (f"{C}.items-of-a-completed-response-have-ended",),
        PLAIN,
        item=_of("message", lambda i: "status" in i and i.update(status="in_progress")),
    ),
    Fault(
        "item.twice",
        "The first item stands in the output twice.",
        (f"{C}.item-ids-are-unique",),
        PLAIN,
        response=_twin,
    ),
    Fault(
        "item.call-without-call-id",
        "Function calls lack `call_id`.",
        ("shapes.items.function-call",),
        CALL,
        item=_of("function_call", unset("call_id")),
    ),
    Fault(
        "item.call-without-name",
        "Function calls lack `name`.",
        ("shapes.items.function-call",),
        CALL,
        item=_of("function_call", unset("name")),
    ),
    Fault(
        "item.call-nested",
        "Function calls hold name and arguments in `function`.",
        ("shapes.items.function-call",),
        CALL,
        item=_of(
            "function_call",
            lambda i: i.update(function={"name": i.pop("name"), "arguments": i.pop("arguments")}),
        ),
    ),
    Fault(
        "item.arguments-an-object",
        "Arguments are an object, not JSON text.",
        (f"{C}.arguments-are-json-text",),
        CALL,
        item=_of("function_call", lambda i: i.update(arguments={"city": "Oslo"})),
    ),
    Fault(
        "item.call-of-type-tool-call",
        "Function calls have the type `tool_call`.",
        ("shapes.response.output",),
        CALL,
        item=_of("function_call", lambda i: i.update(type="tool_call")),
    ),
    Fault(
        "item.call-ids-the-same",
        "All calls have one `call_id`.",
        (f"{C}.call-ids-are-told-and-unique",),
        ("responses.stream.two-calls",),
        item=_of("function_call", lambda i: i.update(call_id="call_same")),
    ),
)


def _usage(change: Callable[[JSON], object]) -> Changing:
    def changing(response: JSON) -> None:
        if isinstance(response.get("usage"), dict):
            change(response["usage"])

    return changing


def _details(name: str, field: str, value: int) -> Changing:
    return _usage(lambda usage: usage[name].update({field: value}))


USAGE = (
    Fault(
        "usage.does-not-add-up",
        "`total_tokens` is one too many.",
        (f"{C}.usage-adds-up",),
        PLAIN,
        response=_usage(lambda u: u.update(total_tokens=u["total_tokens"] + 1)),
    ),
    Fault(
        "usage.null-at-the-end",
        "`usage` of a completed response is null.",
        (f"{C}.usage-is-told-when-completed",),
        PLAIN,
        response=lambda r: "usage" in r and r.update(usage=None),
    ),
    Fault(
        "usage.no-input-tokens",
        "`input_tokens` is 0.",
        (f"{C}.usage-counts-the-input",),
        PLAIN,
        response=_usage(lambda u: u.update(input_tokens=0, total_tokens=u["output_tokens"])),
    ),
    Fault(
        "usage.no-output-tokens",
        "`output_tokens` is 0.",
        (f"{C}.usage-counts-the-output",),
        PLAIN,
        response=_usage(lambda u: u.update(output_tokens=0, total_tokens=u["input_tokens"])),
    ),
    Fault(
        "usage.more-cached-than-input",
        "More tokens are cached than there are.",
        (f"{C}.usage-details-are-parts-of-it",),
        PLAIN,
        response=_details("input_tokens_details", "cached_tokens", 1_000_000),
    ),
    Fault(
        "usage.more-reasoning-than-output",
        "More tokens are reasoning than there are.",
        (f"{C}.usage-details-are-parts-of-it",),
        PLAIN,
        response=_details("output_tokens_details", "reasoning_tokens", 1_000_000),
    ),
    Fault(
        "usage.details-missing",
        "`usage` lacks its details.",
        ("shapes.response.usage",),
        PLAIN,
        response=_usage(unset("input_tokens_details", "output_tokens_details")),
    ),
    Fault(
        "usage.beyond-the-limit",
        "More output tokens are told than were allowed.",
        (f"{C}.output-stays-within-its-limit",),
        PLAIN,
        response=_usage(
            lambda u: u.update(
                output_tokens=u["output_tokens"] + 100_000, total_tokens=u["total_tokens"] + 100_000
            )
        ),
    ),
)

ECHOED: tuple[tuple[str, object, str], ...] = (
    ("temperature", 1.0, "temperature-comes-back"),
    ("top_p", 1.0, "top-p-comes-back"),
    ("metadata", {}, "metadata-comes-back"),
    ("instructions", None, "instructions-comes-back"),
    ("max_output_tokens", None, "max-output-tokens-comes-back"),
    ("tools", [], "tools-come-back"),
    ("tool_choice", "auto", "tool-choice-comes-back"),
    ("parallel_tool_calls", True, "parallel-tool-calls-comes-back"),
    ("truncation", "disabled", "truncation-comes-back"),
    ("safety_identifier", None, "safety-identifier-comes-back"),
    ("prompt_cache_key", None, "prompt-cache-key-comes-back"),
    ("top_logprobs", 0, "top-logprobs-comes-back"),
    ("user", None, "user-comes-back"),
)
"""Field → what it always says, and the requirement that notices."""


def _always(name: str, value: object, requirement: str) -> Fault:
    def change(response: JSON) -> None:
        if name in response:
            response[name] = value

    what = f"`{name}` always has its default in the response."
    return Fault(f"echo.{_slug(name)}", what, (f"{C}.{requirement}",), response=change)


def _plain_format(response: JSON) -> None:
    if isinstance(response.get("text"), dict):
        response["text"]["format"] = {"type": "text"}


def _bare_tools(response: JSON) -> None:
    for tool in response.get("tools") or []:
        tool["parameters"] = {"type": "object", "properties": {}}


def _effort(response: JSON) -> None:
    if isinstance(response.get("reasoning"), dict):
        response["reasoning"]["effort"] = None


def _verbosity(response: JSON) -> None:
    if isinstance(response.get("text"), dict):
        response["text"]["verbosity"] = "medium"


ECHO = (
    *(_always(*one) for one in ECHOED),
    Fault(
        "echo.text-format",
        "`text.format` always says `text`.",
        (f"{C}.text-format-comes-back",),
        response=_plain_format,
    ),
    Fault(
        "echo.tool-parameters",
        "`tools` come back without their parameters.",
        (f"{C}.function-tools-come-back-whole",),
        response=_bare_tools,
    ),
    Fault(
        "echo.reasoning-effort",
        "`reasoning.effort` is always null.",
        (f"{C}.reasoning-effort-comes-back",),
        response=_effort,
    ),
    Fault(
        "echo.verbosity",
        "`text.verbosity` is always `medium`.",
        (f"{C}.verbosity-comes-back",),
        response=_verbosity,
    ),
    Fault(
        "echo.temperature-null-by-default",
        "`parallel_tool_calls` is false where it was not sent.",
        (f"{C}.parallel-tool-calls-has-its-default",),
        PLAIN,
        response=lambda r: r.update(parallel_tool_calls=False),
    ),
)


def _said_completed(response: JSON) -> None:
    """Cut off, and told as whole: status, reason and items."""
    if response.get("status") == "incomplete":
        response.update(status="completed", incomplete_details=None, completed_at=response["created_at"])
        for item in response["output"]:
            if "status" in item:
                item["status"] = "completed"


async def _renamed_end(asked: Asked, answer: Answer, world: World) -> None:
    if answer.json is not None and answer.json.get("status") == "incomplete":
        answer.json["incomplete_details"] = {"reason": "length"}


STATUS = (
    Fault(
        "status.incomplete-as-completed",
        "A response that was cut off is told as `completed`.",
        (f"{C}.limit-ends-incomplete",),
        response=_said_completed,
    ),
    Fault(
        "status.incomplete-without-reason",
        "An incomplete response has no `incomplete_details`.",
        (f"{C}.incomplete-tells-its-reason",),
        LIMIT,
        response=lambda r: r.update(incomplete_details=None),
    ),
    Fault(
        "status.reason-is-length",
        "The reason of an incomplete response is `length`.",
        ("shapes.response.incomplete-details",),
        LIMIT,
        answered=_renamed_end,
    ),
)

FAULTS = (*FIELDS, *ITEMS, *USAGE, *ECHO, *STATUS)

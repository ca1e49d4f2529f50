"""Faults of errors, limits, headers, tools, structured output, background, resume and sockets."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tests.conformance.mutants.exchange import JSON, Answer, Asked, Fault, Frame, World
from tests.conformance.mutants.faults_state import error, reply, request
from tests.conformance.mutants.stream import each, kind, renumbered

E = "responses.errors"
WRONG = ("responses.errors.unknown-parameter",)


def _errors(change: Callable[[Answer], object]) -> Callable[[Asked, Answer, World], Awaitable[None]]:
    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if not answer.ok and answer.json is not None and "error" in answer.json:
            change(answer)

    return answered


def _error(change: Callable[[JSON], object]) -> Callable[[Asked, Answer, World], Awaitable[None]]:
    """A change of the error object."""
    return _errors(lambda answer: change((answer.json or {})["error"]))


def _as_text(answer: Answer) -> None:
    answer.body, answer.json = ((answer.json or {})["error"]["message"]).encode(), None
    answer.headers["content-type"] = "text/plain"


def _as_detail(answer: Answer) -> None:
    answer.json = {"detail": (answer.json or {})["error"]["message"]}


def _bare_error(answer: Answer) -> None:
    answer.json = (answer.json or {})["error"]


def _as(status: int, *was: int) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        if answer.status in was:
            answer.status = status

    return change


async def _as_success(asked: Asked, answer: Answer, world: World) -> None:
    if not answer.ok and answer.json is not None and "error" in answer.json:
        answer.status = 200


def _traceback(error: JSON) -> None:
    error["message"] = (
        f'Traceback (most recent call last):\n  File "/app/server.py", line 12, in run\n{error["message"]}'
    )


async def _model_404(asked: Asked, answer: Answer, world: World) -> None:
    if answer.json is not None and (answer.json.get("error") or {}).get("code") == "model_not_found":
        answer.status = 404


ERRORS = (
    Fault(
        "error.as-detail",
        "Errors are `{detail}`.",
        (f"{E}.body-is-an-error-object",),
        WRONG,
        answered=_errors(_as_detail),
    ),
    Fault(
        "error.as-text",
        "Errors are plain text.",
        (f"{E}.content-type-is-json",),
        WRONG,
        answered=_errors(_as_text),
    ),
    Fault(
        "error.not-wrapped",
        "The error object is the body itself.",
        (f"{E}.body-is-an-error-object",),
        WRONG,
        answered=_errors(_bare_error),
    ),
    Fault(
        "error.without-code-key",
        "Errors lack `code`.",
        (f"{E}.error-has-its-four-fields",),
        WRONG,
        answered=_error(lambda e: e.pop("code")),
    ),
    Fault(
        "error.without-param-key",
        "Errors lack `param`.",
        (f"{E}.error-has-its-four-fields",),
        WRONG,
        answered=_error(lambda e: e.pop("param")),
    ),
    Fault(
        "error.code-is-a-number",
        "`code` of an error is the status.",
        (f"{E}.code-and-param-are-text-or-null",),
        WRONG,
        answered=_error(lambda e: e.update(code=400)),
    ),
    Fault(
        "error.message-empty",
        "Errors have an empty message.",
        (f"{E}.message-says-something",),
        WRONG,
        answered=_error(lambda e: e.update(message="")),
    ),
    Fault(
        "error.type-is-null",
        "Errors have a null `type`.",
        (f"{E}.type-is-a-name",),
        WRONG,
        answered=_error(lambda e: e.update(type=None)),
    ),
    Fault(
        "error.422-for-400",
        "Wrong requests are a 422.",
        (f"{E}.wrong-requests-are-400-not-422",),
        WRONG,
        answered=_errors(_as(422, 400)),
    ),
    Fault(
        "error.500-for-400",
        "Wrong requests are a 500.",
        (f"{E}.nothing-breaks-the-server",),
        WRONG,
        answered=_errors(_as(500, 400)),
    ),
    Fault(
        "error.as-success",
        "Errors come with status 200.",
        ("parameters.temperature-above-maximum-is-refused",),
        answered=_as_success,
    ),
    Fault(
        "error.code-always-null",
        "`code` of every error is null.",
        (f"{E}.small-integer-has-its-code",),
        answered=_error(lambda e: e.update(code=None)),
    ),
    Fault(
        "error.param-always-null",
        "`param` of every error is null.",
        (f"{E}.param-names-the-parameter",),
        answered=_error(lambda e: e.update(param=None)),
    ),
    Fault(
        "error.wrong-key-is-403",
        "A wrong key is a 403.",
        (f"{E}.wrong-key-is-401",),
        answered=_errors(_as(403, 401)),
    ),
    Fault(
        "error.tells-internals",
        "Errors hold a traceback.",
        (f"{E}.messages-tell-no-internals",),
        WRONG,
        answered=_error(_traceback),
    ),
    Fault(
        "error.unknown-model-is-404",
        "An unknown model is a 404.",
        gap="Sources differ: recorded as 400, elsewhere documented as 404; both are accepted.",
        answered=_model_404,
    ),
)


async def _any_model(asked: Asked, world: World) -> None:
    if asked.creates and asked.json and "model" in asked.json:
        asked.json["model"] = "scripted"


# Requests that are taken although they are wrong.

KNOWN = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "image",
        "include",
        "input",
        "instructions",
        "model",
        "user",
    }
    | {
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "parallel_tool_calls",
        "access_programs",
    }
    | {"previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
    | {
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
    }
    | {"tool_choice", "tools", "top_logprobs", "top_p", "truncation"}
)


async def _drop_unknown(asked: Asked, world: World) -> None:
    if asked.creates and asked.json:
        for name in [name for name in asked.json if name not in KNOWN]:
            del asked.json[name]


def _taken(
    name: str, right: Callable[[Any], bool], value: Any = None
) -> Callable[[Asked, World], Awaitable[None]]:
    """A wrong value is taken: left out, or `value` put in its place."""

    async def asking(asked: Asked, world: World) -> None:
        if asked.creates and asked.json and asked.json.get(name) is not None and not right(asked.json[name]):
            if value is None:
                del asked.json[name]
            else:
                asked.json[name] = value

    return asking


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: not isinstance(value, int | float) or low <= value <= high


def _few(value: Any) -> bool:
    return not isinstance(value, dict) or len(value) <= 16


def _short(value: Any) -> bool:
    return not isinstance(value, dict) or all(len(str(v)) <= 512 for v in value.values())


async def _coerced(asked: Asked, world: World) -> None:
    """Numbers given as text are taken as numbers."""
    for name in ("temperature", "max_output_tokens", "top_p"):
        value = (asked.json or {}).get(name)
        if asked.creates and asked.json and isinstance(value, str) and value.replace(".", "", 1).isdigit():
            asked.json[name] = float(value)


async def _no_input(asked: Asked, world: World) -> None:
    if (
        asked.creates
        and asked.json is not None
        and not any(
            name in asked.json for name in ("input", "previous_response_id", "prompt", "conversation")
        )
    ):
        asked.json["input"] = ""


async def _no_model(asked: Asked, world: World) -> None:
    if asked.creates and asked.json is not None:
        asked.json.setdefault("model", "scripted")


async def _refuse_16(asked: Asked, world: World) -> Answer | None:
    if asked.creates and asked.json and asked.json.get("max_output_tokens") == 16:
        asked.json["max_output_tokens"] = 15
    return None


LIMITS = (
    Fault(
        "accept.unknown-parameter",
        "Unknown parameters are ignored.",
        ("structured.format.of-another-api-is-refused",),
        asked=_drop_unknown,
    ),
    Fault(
        "accept.max-output-tokens-1",
        "`max_output_tokens: 1` is taken.",
        ("parameters.max-output-tokens-below-minimum-is-refused",),
        asked=_taken("max_output_tokens", lambda v: not isinstance(v, int) or v >= 16),
    ),
    Fault(
        "accept.temperature-3",
        "A temperature above 2 is taken.",
        ("parameters.temperature-above-maximum-is-refused",),
        asked=_taken("temperature", _number(-9, 2)),
    ),
    Fault(
        "accept.temperature-below-0",
        "A temperature below 0 is taken.",
        ("parameters.temperature-below-minimum-is-refused",),
        asked=_taken("temperature", _number(0, 99)),
    ),
    Fault(
        "accept.top-p-2",
        "A `top_p` above 1 is taken.",
        ("parameters.top-p-above-maximum-is-refused",),
        asked=_taken("top_p", _number(-9, 1)),
    ),
    Fault(
        "accept.top-logprobs-21",
        "`top_logprobs` above 20 is taken.",
        ("parameters.top-logprobs-above-maximum-is-refused",),
        asked=_taken("top_logprobs", _number(-9, 20)),
    ),
    Fault(
        "accept.metadata-17-pairs",
        "17 pairs of metadata are taken.",
        ("parameters.metadata-with-too-many-entries-is-refused",),
        asked=_taken("metadata", _few),
    ),
    Fault(
        "accept.metadata-long-value",
        "A metadata value of 513 characters is taken.",
        ("limits.edges.metadata-beyond",),
        asked=_taken("metadata", _short),
    ),
    Fault(
        "accept.truncation-of-any-kind",
        "An unknown `truncation` is taken.",
        ("parameters.truncation-outside-its-values-is-refused",),
        asked=_taken("truncation", lambda v: v in ("auto", "disabled")),
    ),
    Fault(
        "accept.service-tier-of-any-kind",
        "An unknown `service_tier` is taken.",
        ("parameters.service-tier-outside-its-values-is-refused",),
        asked=_taken("service_tier", lambda v: v in ("auto", "default", "flex", "priority", "scale")),
    ),
    Fault(
        "accept.numbers-as-text",
        "`temperature` as text is taken.",
        (f"{E}.number-as-text-is-refused",),
        asked=_coerced,
    ),
    Fault(
        "accept.any-model", "Any model name is served.", (f"{E}.unknown-model-is-refused",), asked=_any_model
    ),
    Fault(
        "accept.no-model",
        "A request without `model` is served.",
        (f"{E}.missing-model-is-refused",),
        asked=_no_model,
    ),
    Fault(
        "accept.no-input",
        "A request without `input` is served.",
        (f"{E}.missing-input-is-refused",),
        asked=_no_input,
    ),
    Fault(
        "refuse.max-output-tokens-16",
        "`max_output_tokens: 16` is refused.",
        ("limits.edges.smallest-output",),
        asked=_refuse_16,
    ),
)


async def _no_request_id(asked: Asked, answer: Answer, world: World) -> None:
    answer.headers.pop("x-request-id", None)


async def _one_request_id(asked: Asked, answer: Answer, world: World) -> None:
    answer.headers["x-request-id"] = "req_always_the_same"


async def _processing(asked: Asked, answer: Answer, world: World) -> None:
    answer.headers["openai-processing-ms"] = "0.004 s"


async def _json_as_text(asked: Asked, answer: Answer, world: World) -> None:
    if answer.ok and answer.json is not None:
        answer.headers["content-type"] = "text/plain"


async def _cached(asked: Asked, answer: Answer, world: World) -> None:
    answer.headers.pop("cache-control", None)


async def _charset(asked: Asked, world: World) -> Answer | None:
    if "charset" in asked.headers.get("content-type", ""):
        return error(415, "Unsupported content type.")
    return None


HEADERS = (
    Fault(
        "header.stream-may-be-cached",
        "A stream does not say that it must not be cached.",
        ("headers.reply.streams-are-not-cached",),
        answered=_cached,
    ),
    Fault(
        "header.charset-refused",
        "`content-type: application/json; charset=utf-8` is refused.",
        ("headers.request.charset-is-taken",),
        asked=_charset,
    ),
    Fault(
        "header.request-id-missing",
        "Answers lack `x-request-id`.",
        ("responses.headers.request-id-is-on-every-answer",),
        ("responses.create.plain",),
        answered=_no_request_id,
    ),
    Fault(
        "header.request-id-repeats",
        "All answers have one `x-request-id`.",
        ("responses.headers.request-ids-are-unique",),
        answered=_one_request_id,
    ),
    Fault(
        "header.processing-time-in-words",
        "`openai-processing-ms` is no number.",
        ("responses.headers.processing-time-is-milliseconds",),
        ("responses.create.plain",),
        answered=_processing,
    ),
    Fault(
        "header.json-as-text",
        "JSON comes as `text/plain`.",
        ("responses.headers.json-says-that-it-is-json",),
        ("responses.create.plain",),
        answered=_json_as_text,
    ),
)


# Tools and formats.


def _choose(value: Any, fits: Callable[[Any], bool]) -> Callable[[Asked, World], Awaitable[None]]:
    """A `tool_choice` that fits is replaced on its way in, and said again on its way out."""

    async def asking(asked: Asked, world: World) -> None:
        if asked.creates and asked.json and fits(asked.json.get("tool_choice")):
            asked.notes["tool_choice"] = asked.json["tool_choice"]
            asked.json["tool_choice"] = value

    return asking


async def _say_choice(asked: Asked, answer: Answer, world: World) -> None:
    if (
        answer.ok
        and answer.json is not None
        and "tool_choice" in asked.notes
        and "tool_choice" in answer.json
    ):
        answer.json["tool_choice"] = asked.notes["tool_choice"]


def _kind(value: Any) -> str:
    return value.get("type", "") if isinstance(value, dict) else str(value)


async def _other_function(asked: Asked, world: World) -> None:
    """The named function is not the one that is called."""
    choice = (asked.json or {}).get("tool_choice")
    if asked.creates and asked.json and _kind(choice) == "function":
        others = [tool for tool in asked.json.get("tools", []) if tool.get("name") != choice["name"]]
        if others and others[0].get("type") == "function":
            asked.notes["tool_choice"] = choice
            asked.json["tool_choice"] = {"type": "function", "name": others[0]["name"]}


async def _parallel(asked: Asked, world: World) -> None:
    if asked.creates and asked.json and asked.json.get("parallel_tool_calls") is False:
        asked.notes["parallel"] = True
        asked.json["parallel_tool_calls"] = True


async def _say_parallel(asked: Asked, answer: Answer, world: World) -> None:
    if (
        answer.ok
        and answer.json is not None
        and "parallel" in asked.notes
        and "parallel_tool_calls" in answer.json
    ):
        answer.json["parallel_tool_calls"] = False


async def _not_structured(asked: Asked, world: World) -> None:
    text = (asked.json or {}).get("text")
    if asked.creates and isinstance(text, dict) and _kind(text.get("format")) == "json_schema":
        asked.notes["format"] = text["format"]
        text["format"] = {"type": "text"}


async def _say_format(asked: Asked, answer: Answer, world: World) -> None:
    if (
        answer.ok
        and answer.json is not None
        and "format" in asked.notes
        and isinstance(answer.json.get("text"), dict)
    ):
        answer.json["text"]["format"] = asked.notes["format"]


def _each_text(
    change: Callable[[str], str], wanted: Callable[[Asked], bool]
) -> Callable[[Asked, Answer, World], Awaitable[None]]:
    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if not asked.creates or not answer.ok or answer.json is None or not wanted(asked):
            return
        for item in answer.json.get("output") or []:
            for part in item.get("content") or []:
                if "text" in part:
                    part["text"] = change(part["text"])

    return answered


def _wants_schema(asked: Asked) -> bool:
    text = (asked.json or {}).get("text")
    return isinstance(text, dict) and _kind(text.get("format")) == "json_schema"


def _other_keys(text: str) -> str:
    """Valid JSON that does not fit its schema."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps({f"{name}_": one for name, one in value.items()} if isinstance(value, dict) else {})


async def _strange_names(asked: Asked, answer: Answer, world: World) -> None:
    for item in (answer.json or {}).get("output") or []:
        if item.get("type") == "function_call":
            item["name"] = "functions." + item["name"]


async def _broken_arguments(asked: Asked, answer: Answer, world: World) -> None:
    for item in (answer.json or {}).get("output") or []:
        if item.get("type") == "function_call":
            item["arguments"] = item["arguments"][:-1]


TOOLS = (
    Fault(
        "tools.required-ignored",
        "`tool_choice: required` is not enforced.",
        ("tools.choice.required-calls-something",),
        asked=_choose("none", lambda c: c == "required"),
        answered=_say_choice,
    ),
    Fault(
        "tools.none-ignored",
        "`tool_choice: none` is not enforced.",
        ("tools.choice.none-calls-nothing",),
        asked=_choose("required", lambda c: c == "none"),
        answered=_say_choice,
    ),
    Fault(
        "tools.allowed-ignored",
        "`allowed_tools` is not enforced.",
        ("tools.allowed.only-allowed-are-called",),
        asked=_choose("auto", lambda c: _kind(c) == "allowed_tools"),
        answered=_say_choice,
    ),
    Fault(
        "tools.another-function",
        "Another function than the named one is called.",
        ("tools.choice.named-function-is-called",),
        asked=_other_function,
        answered=_say_choice,
    ),
    Fault(
        "tools.parallel-off-ignored",
        "`parallel_tool_calls: false` is not enforced.",
        ("tools.parallel.off-gives-one-call",),
        asked=_parallel,
        answered=_say_parallel,
    ),
    Fault(
        "tools.name-with-prefix",
        "Calls name a function that was not offered.",
        ("tools.choice.named-function-is-called",),
        answered=_strange_names,
    ),
    Fault(
        "tools.arguments-are-no-json",
        "Arguments are broken JSON.",
        ("tools.call.arguments-are-a-json-object",),
        answered=_broken_arguments,
    ),
    Fault(
        "format.schema-ignored",
        "`json_schema` is not enforced.",
        ("structured.schema.text-is-valid",),
        asked=_not_structured,
        answered=_say_format,
    ),
    Fault(
        "format.other-keys",
        "The output is JSON that does not fit the schema.",
        ("structured.schema.text-is-valid",),
        answered=_each_text(_other_keys, _wants_schema),
    ),
    Fault(
        "format.fenced",
        "Structured output stands in a Markdown fence.",
        ("structured.schema.text-is-valid",),
        answered=_each_text(lambda text: f"```json\n{text}\n```", _wants_schema),
    ),
)


# Background, resume, cancel.


async def _never_ends(asked: Asked, answer: Answer, world: World) -> None:
    if (
        asked.on("GET", "responses", "*")
        and answer.ok
        and answer.json is not None
        and answer.json.get("background")
    ):
        answer.json.update(status="queued", output=[], usage=None, completed_at=None)


async def _synchronous(asked: Asked, world: World) -> Answer | None:
    """`background: true` answers when all is done."""
    if asked.creates and asked.json and asked.json.get("background") and not asked.json.get("stream"):
        asked.json["background"] = False
    return None


async def _waits(asked: Asked, world: World) -> Answer | None:
    """A background request is answered when all is done, and says that it is one."""
    if not asked.creates or not asked.json or not asked.json.get("background") or asked.streams:
        return None
    made = await world.ask(asked)
    while made.ok and made.json is not None and made.json["status"] in ("queued", "in_progress"):
        made = await world.ask(request("GET", f"/responses/{made.json['id']}", asked))
    return made


async def _say_background(asked: Asked, answer: Answer, world: World) -> None:
    if asked.creates and answer.ok and answer.json is not None and "background" in answer.json:
        answer.json["background"] = False


async def _cancel_once(asked: Asked, world: World) -> Answer | None:
    """A second cancellation is an error."""
    if asked.on("POST", "responses", "*", "cancel"):
        if asked.step in world.memory:
            error = {
                "message": "Already cancelled.",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
            return Answer(
                400, {"content-type": "application/json", "x-request-id": "r"}, b"", {"error": error}
            )
        world.memory[asked.step] = True
    return None


async def _cancel_nothing(asked: Asked, world: World) -> Answer | None:
    """A cancellation shows the response and does nothing."""
    if asked.on("POST", "responses", "*", "cancel"):
        return await world.ask(request("GET", f"/responses/{asked.step}", asked))
    return None


async def _cancel_any(asked: Asked, world: World) -> Answer | None:
    """A synchronous response can be cancelled."""
    if asked.on("POST", "responses", "*", "cancel"):
        known = await world.ask(request("GET", f"/responses/{asked.step}", asked))
        if known.ok and known.json is not None and not known.json.get("background"):
            return reply({**known.json, "status": "cancelled"})
    return None


def _resumed(change: Callable[[int], int | None]) -> Callable[[Asked, World], Awaitable[None]]:
    async def asking(asked: Asked, world: World) -> None:
        told = asked.query.get("starting_after", "")
        if asked.on("GET", "responses", "*") and told.isdigit():
            new = change(int(told))
            if new is None or new < 0:
                del asked.query["starting_after"]
            else:
                asked.query["starting_after"] = str(new)

    return asking


def _from_zero(frames: list[Frame], asked: Asked) -> list[Frame]:
    return renumbered(frames) if asked.method == "GET" else frames


def _one_less(frames: list[Frame], asked: Asked) -> Iterable[Frame]:
    """A resumed stream has lost one event."""
    return [*frames[:1], *frames[2:]] if asked.method == "GET" and len(frames) > 3 else frames


def _no_end(frames: list[Frame], asked: Asked) -> Iterable[Frame]:
    return [one for one in frames if asked.method != "GET" or kind(one) != "response.completed"]


def _late_text(frames: list[Frame], asked: Asked) -> list[Frame]:
    """A resumed stream tells other deltas than the first one."""
    if asked.method == "GET":
        each(lambda event: event.update(delta=event["delta"].upper() + "?"), "response.output_text.delta")(
            frames, asked
        )
    return frames


BACKGROUND = (
    Fault(
        "background.never-ends",
        "A background response stays `queued`.",
        ("background.poll.reaches-an-end",),
        answered=_never_ends,
        long=True,
    ),
    Fault(
        "background.synchronous",
        "`background` is ignored: the answer comes when all is done.",
        ("background.create.is-echoed",),
        asked=_synchronous,
    ),
    Fault(
        "background.waits-for-the-end",
        "A background request is answered when all is done, and says that it is one.",
        gap="An answer that was ready at once looks the same: time proves nothing about another machine.",
        asked=_waits,
    ),
    Fault(
        "background.told-as-false",
        "`background` of a background response is false.",
        ("responses.create.background-comes-back",),
        ("background.poll.to-the-end",),
        answered=_say_background,
    ),
    Fault(
        "cancel.twice-is-an-error",
        "A second cancellation is a 400.",
        ("background.cancel.twice-gives-the-same",),
        asked=_cancel_once,
    ),
    Fault(
        "cancel.does-nothing",
        "A cancellation shows the response and does nothing.",
        ("background.cancel.ends-cancelled",),
        asked=_cancel_nothing,
        slow=True,
    ),
    Fault(
        "cancel.of-a-synchronous-one",
        "A synchronous response can be cancelled.",
        ("responses.cancel.synchronous-is-refused",),
        asked=_cancel_any,
    ),
    Fault(
        "resume.one-too-early",
        "`starting_after` gives the event itself again.",
        ("resume.stream.every-cut",),
        asked=_resumed(lambda n: n - 1),
    ),
    Fault(
        "resume.one-too-late",
        "`starting_after` leaves one event out.",
        ("resume.stream.every-cut",),
        asked=_resumed(lambda n: n + 1),
    ),
    Fault(
        "resume.replays-all",
        "`starting_after` is ignored.",
        ("resume.stream.every-cut",),
        asked=_resumed(lambda n: None),
    ),
    Fault(
        "resume.numbers-from-zero",
        "A resumed stream is numbered from 0.",
        ("resume.stream.every-cut",),
        frames=_from_zero,
    ),
    Fault(
        "resume.loses-an-event",
        "A resumed stream lacks one event.",
        ("resume.stream.every-cut",),
        frames=_one_less,
    ),
    Fault(
        "resume.without-end",
        "A resumed stream has no terminal event.",
        ("resume.stream.terminal-event-is-last",),
        frames=_no_end,
    ),
    Fault(
        "resume.other-text",
        "A resumed stream tells other deltas.",
        ("resume.stream.from-the-start",),
        frames=_late_text,
    ),
)


# Routes and WebSocket.


def _gone(method: str, *form: str) -> Callable[[Asked, World], Awaitable[Answer | None]]:
    async def asking(asked: Asked, world: World) -> Answer | None:
        if asked.on(method, *form):
            return Answer(500, {"content-type": "text/plain", "x-request-id": "r"}, b"Internal Server Error")
        return None

    return asking


def _socket(change: Callable[[JSON], object]) -> Callable[[JSON], Iterable[JSON]]:
    def told(event: JSON) -> Iterable[JSON]:
        change(event)
        yield event

    return told


def _bare_socket_error(event: JSON) -> None:
    if event.get("type") == "error":
        error = event.pop("error", None)
        event.update(error if isinstance(error, dict) else {})
        event["type"] = "error"


def _without_number(event: JSON) -> None:
    event.pop("sequence_number", None)


def _without_end(event: JSON) -> Iterable[JSON]:
    if event.get("type") != "response.completed":
        yield event


def _socket_done(event: JSON) -> None:
    if event.get("type") == "response.completed":
        event["type"] = "response.done"


def _lane_lost(event: JSON) -> None:
    event.pop("stream_id", None)


def _running_numbers() -> Callable[[JSON], Iterable[JSON]]:
    """Numbers go on from one response to the next; the count is the server's, over all connections."""
    numbers = iter(range(1_000_000))

    def told(event: JSON) -> Iterable[JSON]:
        if "sequence_number" in event:
            event["sequence_number"] = next(numbers)
        yield event

    return told


def _without_created(event: JSON) -> Iterable[JSON]:
    if event.get("type") != "response.created":
        yield event


def _error_code_lost(event: JSON) -> None:
    if isinstance(event.get("error"), dict):
        event["error"]["code"] = None


ROUTES = (
    Fault(
        "route.input-items-broken",
        "Listing input items is a 500.",
        ("responses.errors.nothing-breaks-the-server",),
        ("responses.input_items.pages",),
        asked=_gone("GET", "responses", "*", "input_items"),
    ),
    Fault(
        "route.input-tokens-broken",
        "Counting tokens is a 500.",
        ("responses.errors.nothing-breaks-the-server",),
        ("responses.input_tokens.counts",),
        asked=_gone("POST", "responses", "input_tokens"),
    ),
    Fault(
        "socket.without-numbers",
        "Events on a WebSocket have no `sequence_number`.",
        ("websocket.create.numbers-restart",),
        ("websocket.create.two",),
        socket=_socket(_without_number),
    ),
    Fault(
        "socket.end-is-done",
        "A response on a WebSocket ends with `response.done`.",
        ("websocket.create.ends-with-a-terminal-event",),
        ("websocket.create.two",),
        socket=_socket(_socket_done),
        patience_s=1.0,
    ),
    Fault(
        "socket.lane-not-told",
        "Events on a WebSocket do not say their `stream_id`.",
        ("websocket.lanes.stream-id-is-on-every-event",),
        socket=_socket(_lane_lost),
    ),
    Fault(
        "socket.numbers-go-on",
        "Sequence numbers of a WebSocket go on from one response to the next.",
        ("websocket.create.numbers-restart",),
        socket=_running_numbers(),
    ),
    Fault(
        "socket.without-created",
        "A response on a WebSocket begins without `response.created`.",
        ("websocket.create.begins-with-created",),
        socket=_without_created,
    ),
    Fault(
        "socket.without-end",
        "A response on a WebSocket has no terminal event.",
        ("websocket.create.ends-with-a-terminal-event",),
        ("websocket.create.two",),
        socket=_without_end,
        patience_s=1.0,
    ),
    Fault(
        "socket.previous-without-code",
        "The error of an unknown `previous_response_id` on a WebSocket has no code.",
        ("websocket.errors.unknown-previous-response",),
        socket=_socket(_error_code_lost),
    ),
    Fault(
        "socket.error-flat",
        "An error on a WebSocket is flat.",
        ("websocket.errors.have-the-nested-form",),
        socket=_socket(_bare_socket_error),
    ),
)

FAULTS = (*ERRORS, *LIMITS, *HEADERS, *TOOLS, *BACKGROUND, *ROUTES)

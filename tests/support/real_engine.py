"""What the whole server must show in front of any real engine, through the official Python client.

A test class per engine inherits `OnARealEngine` and says in a `Model` what its model does. Its answers must
not vary.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from openai import APIError, BadRequestError, OpenAI
from pydantic import BaseModel
from tests.support import judge
from tests.support.server import Server, serving

JSON = dict[str, Any]
PATIENCE_S = 60.0
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def function(name: str, description: str, **properties: str) -> JSON:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": schema,
        "strict": True,
    }


WEATHER = function("get_weather", "Get the weather", city="string")
ADD = function("add_numbers", "Add two numbers", a="integer", b="integer")
TOOLS = [WEATHER, ADD]
ASKED = "What is the weather in Paris?"


class Person(BaseModel):
    name: str
    age: int


@dataclass(frozen=True, slots=True)
class Model:
    """`said` are inputs and the answers to them; `two_calls` makes the model call two functions at once.

    `endless` is an input whose answer would not end by itself for long; `words` overflow the window as one
    message, and `thirds` do so together, each being a third of it or more. The flags say what the engine
    does: whether it counts reasoning and prompts, holds custom tools to their grammars, and leaves out the
    blank lines between reasoning and text.
    """

    name: str
    said: dict[str, str]
    two_calls: str
    endless: str
    words: str
    thirds: str
    counts_reasoning: bool = True
    counts_prompts: bool = True
    holds_grammars: bool = True
    trims: bool = True


QUIET: JSON = {"reasoning": {"effort": "none"}}


class OnARealEngine:
    model: ClassVar[Model]

    @pytest.fixture(scope="class")
    @classmethod
    def config(cls) -> str:
        """The server's file."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, config: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with serving(tmp_path_factory.mktemp("real"), config=config) as one:
            yield one
        assert [line for line in one.lines() if line["level"] in ("error", "critical")] == []

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, server: Server) -> Iterator[OpenAI]:
        with OpenAI(
            base_url=server.base_url,
            api_key="sk-none",
            max_retries=0,
            timeout=PATIENCE_S,
            _strict_response_validation=True,
        ) as one:
            yield one

    # ---------- asking

    def told(self, client: OpenAI, given: Any, **body: Any) -> JSON:
        """The final object, asked for as a stream and plainly; every law holds, and both say the same."""
        body = {"model": self.model.name, "input": given, "temperature": 0, **body}
        with client.responses.create(stream=True, **body) as stream:
            events = [event.to_dict() for event in stream]
        final: JSON = events[-1]["response"]
        stored = client.responses.retrieve(final["id"]).to_dict() if final["store"] else None
        assert judge.faults(judge.settled(events), stored) == []
        plain = client.responses.create(**body).to_dict()
        assert (plain["status"], said(plain)) == (final["status"], said(final))
        assert plain["usage"]["input_tokens"] == final["usage"]["input_tokens"]
        assert plain["usage"]["output_tokens"] == final["usage"]["output_tokens"]
        return final

    def refused(self, client: OpenAI, given: Any, **body: Any) -> JSON:
        """The error of a request that is refused, which is the same for a stream."""
        errors: list[JSON] = []
        for stream in (False, True):
            with pytest.raises(BadRequestError) as caught:
                client.responses.create(model=self.model.name, input=given, stream=stream, **body)
            assert isinstance(caught.value.body, dict)
            errors.append(caught.value.body)
        assert errors[0] == errors[1]
        return errors[0]

    def text_of(self, final: JSON) -> str:
        text = text_of(final)
        return text if self.model.trims else text.lstrip("\n")

    # ---------- text and reasoning

    def test_its_models_are_listed(self, client: OpenAI) -> None:
        assert [one.id for one in client.models.list()] == [self.model.name]
        assert client.models.retrieve(self.model.name).object == "model"

    def test_text(self, client: OpenAI) -> None:
        for given, text in self.model.said.items():
            final = self.told(client, given, **QUIET)
            assert self.text_of(final) == text
            assert [item["type"] for item in final["output"]] == ["message"]
            usage = final["usage"]
            assert 0 < usage["output_tokens"] <= len(text.encode()) + 2
            assert usage["output_tokens_details"]["reasoning_tokens"] == 0

    def test_text_through_the_accumulator(self, client: OpenAI) -> None:
        given, text = next(iter(self.model.said.items()))
        with client.responses.stream(model=self.model.name, input=given) as stream:
            snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()
        assert snapshots[-1] == final.output_text
        assert self.text_of(final.to_dict()) == text
        assert len(snapshots) > 1, "it streams"

    def test_raw_reasoning(self, client: OpenAI) -> None:
        given, text = next(iter(self.model.said.items()))
        final = self.told(client, given, reasoning={"effort": "high"})
        [thought, message] = final["output"]
        assert (thought["type"], thought["summary"], message["type"]) == ("reasoning", [], "message")
        assert self.text_of(final) == text
        assert thought["content"][0]["text"].strip()
        tokens = final["usage"]["output_tokens_details"]["reasoning_tokens"]
        assert tokens > 0 if self.model.counts_reasoning else tokens == 0

    def test_reasoning_as_a_summary(self, client: OpenAI) -> None:
        given, _ = next(iter(self.model.said.items()))
        raw = self.told(client, given)["output"][0]
        thought = self.told(client, given, reasoning={"summary": "auto"})["output"][0]
        assert "content" not in thought
        assert thought["summary"][0]["text"] == raw["content"][0]["text"]

    def test_sealed_reasoning_comes_back(self, client: OpenAI) -> None:
        """Nothing is stored; the engine is given what the seal holds, as its prompt's size shows."""
        first = self.told(
            client, ASKED, tools=[WEATHER], store=False, include=["reasoning.encrypted_content"]
        )
        [thought, call] = first["output"]
        assert thought["encrypted_content"].startswith("agr1.")
        bare = {key: thought[key] for key in ("type", "id", "summary", "encrypted_content")}
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
        question = {"role": "user", "content": ASKED}
        with_it = self.told(client, [question, bare, call, output], tools=[WEATHER], store=False)
        without = self.told(client, [question, call, output], tools=[WEATHER], store=False)
        assert with_it["usage"]["input_tokens"] > without["usage"]["input_tokens"]

    # ---------- tools

    def test_tools_freely_chosen(self, client: OpenAI) -> None:
        final = self.told(client, ASKED, tools=TOOLS)
        assert called(final) == [("get_weather", {"city": "Paris"})]
        given, text = next(iter(self.model.said.items()))
        assert self.text_of(self.told(client, given, tools=TOOLS, **QUIET)) == text

    @pytest.mark.parametrize(
        ("given", "choice", "names"),
        [
            (ASKED, "required", {"get_weather"}),
            ("Hello", "required", {"get_weather", "add_numbers"}),
            (ASKED, {"type": "function", "name": "add_numbers"}, {"add_numbers"}),
            ("Hello", {"type": "function", "name": "get_weather"}, {"get_weather"}),
            (
                ASKED,
                {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "add_numbers"}],
                },
                {"add_numbers"},
            ),
        ],
        ids=["required", "required at all", "named", "named at all", "allowed"],
    )
    def test_tools_that_must_be_called(
        self, client: OpenAI, given: str, choice: Any, names: set[str]
    ) -> None:
        final = self.told(client, given, tools=TOOLS, tool_choice=choice, max_output_tokens=400)
        for name, arguments in called(final):
            assert name in names
            parameters = next(tool["parameters"] for tool in TOOLS if tool["name"] == name)
            assert set(arguments) == set(parameters["properties"])
        assert called(final)

    def test_tools_that_must_not_be_called(self, client: OpenAI) -> None:
        for choice in (
            "none",
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "add_numbers"}]},
        ):
            final = self.told(client, ASKED, tools=TOOLS, tool_choice=choice, max_output_tokens=400)
            assert "get_weather" not in [name for name, _ in called(final)]

    def test_calls_at_once(self, client: OpenAI) -> None:
        both = self.told(client, self.model.two_calls, tools=TOOLS)
        assert len(called(both)) == 2
        assert len({item["call_id"] for item in both["output"] if item["type"] == "function_call"}) == 2
        one = self.told(client, self.model.two_calls, tools=TOOLS, parallel_tool_calls=False)
        assert called(one) == called(both)[:1]

    def test_a_tool_turn(self, client: OpenAI) -> None:
        """By chain, by conversation and by sending everything back."""
        asked = self.told(client, ASKED, tools=TOOLS)
        call = asked["output"][-1]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain and 3 degrees"}
        chained = self.told(client, [output], tools=TOOLS, previous_response_id=asked["id"])
        whole = [{"role": "user", "content": ASKED}, *asked["output"], output]
        sent = self.told(client, whole, tools=TOOLS)
        assert said(chained) == said(sent)
        assert chained["usage"]["input_tokens"] == sent["usage"]["input_tokens"]
        assert "rain" in text_of(chained)
        talk = client.conversations.create().id
        model = self.model.name
        first = client.responses.create(model=model, input=ASKED, tools=TOOLS, conversation=talk).to_dict()
        again = {**output, "call_id": first["output"][-1]["call_id"]}
        second = client.responses.create(model=model, input=[again], tools=TOOLS, conversation=talk).to_dict()
        assert said(second) == said(chained)
        kinds = [item.type for item in client.conversations.items.list(talk, order="asc")]
        assert kinds == ["message", *(i["type"] for i in first["output"]), "function_call_output"] + [
            i["type"] for i in second["output"]
        ]

    @pytest.mark.parametrize(
        ("format_", "pattern"),
        [
            (None, r"(?s).*\S.*"),
            ({"type": "text"}, r"(?s).*\S.*"),
            ({"type": "grammar", "syntax": "regex", "definition": "0x[0-9a-f]{1,4}"}, r"0x[0-9a-f]{1,4}"),
            ({"type": "grammar", "syntax": "lark", "definition": 'start: "yes" | "no"'}, r"yes|no"),
        ],
        ids=["default", "text", "regex", "lark"],
    )
    def test_custom_tools(self, client: OpenAI, format_: Any, pattern: str) -> None:
        tool = {"type": "custom", "name": "note", "description": "Write a note"}
        tool |= {"format": format_} if format_ else {}
        choice = {"type": "custom", "name": "note"}
        asked: JSON = {"tools": [tool], "tool_choice": choice, "max_output_tokens": 400}
        if "grammar" in str(format_) and not self.model.holds_grammars:
            # Nothing is shown that breaks the grammar, and the model does not listen when it is told so.
            with pytest.raises(APIError, match="invalid tool calls"):
                self.told(client, "Write a note", **asked)
            return
        final = self.told(client, "Write a note", **asked)
        call = final["output"][-1]
        assert (call["type"], call["name"], call["status"]) == ("custom_tool_call", "note", "completed")
        assert re.fullmatch(pattern, call["input"]), call["input"]
        output = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "written down"}
        answered = self.told(client, [output], tools=[tool], previous_response_id=final["id"])
        assert answered["status"] == "completed"

    # ---------- formats

    def test_a_schema(self, client: OpenAI) -> None:
        parsed = client.responses.parse(
            model=self.model.name, input="Ada is 36 years old.", text_format=Person, max_output_tokens=400
        )
        assert parsed.output_parsed is not None
        format_ = {"type": "json_schema", "name": "person", "schema": Person.model_json_schema()}
        final = self.told(client, "Ada is 36 years old.", text={"format": format_}, max_output_tokens=400)
        Person.model_validate_json(text_of(final))

    def test_a_schema_beside_tools(self, client: OpenAI) -> None:
        """The model may still call."""
        schema = {**Person.model_json_schema(), "additionalProperties": False}
        text = {"format": {"type": "json_schema", "name": "person", "schema": schema, "strict": True}}
        assert called(self.told(client, ASKED, tools=TOOLS, text=text)) == [
            ("get_weather", {"city": "Paris"})
        ]

    def test_a_json_object(self, client: OpenAI) -> None:
        text = {"format": {"type": "json_object"}}
        final = self.told(client, "Give me JSON", text=text, max_output_tokens=120)
        if final["status"] == "completed":
            assert isinstance(json.loads(text_of(final)), dict)
        else:
            assert text_of(final).lstrip().startswith("{")

    def test_logprobs(self, client: OpenAI) -> None:
        given, text = next(iter(self.model.said.items()))
        include = ["message.output_text.logprobs"]
        final = self.told(client, given, top_logprobs=2, include=include, **QUIET)
        entries = final["output"][0]["content"][0]["logprobs"]
        assert "".join(entry["token"] for entry in entries) == text
        for entry in entries:
            assert entry["logprob"] <= 0
            assert len(entry["top_logprobs"]) == 2
            assert bytes(entry["bytes"]).decode() == entry["token"]

    # ---------- limits

    def test_an_answer_that_is_cut_off(self, client: OpenAI) -> None:
        final = self.told(client, self.model.endless, max_output_tokens=20)
        assert (final["status"], final["incomplete_details"]) == (
            "incomplete",
            {"reason": "max_output_tokens"},
        )
        assert final["usage"]["output_tokens"] == 20
        assert final["output"][-1].get("status", "incomplete") == "incomplete"  # reasoning has none

    def test_too_long_an_input(self, client: OpenAI) -> None:
        error = self.refused(client, self.model.words)
        assert (error["code"], error["param"]) == ("context_length_exceeded", "input")

    def test_truncation(self, client: OpenAI) -> None:
        turns = [
            {"role": role, "content": self.model.thirds} for _ in range(3) for role in ("user", "assistant")
        ]
        given, _ = next(iter(self.model.said.items()))
        long = [*turns, {"role": "user", "content": given}]
        assert self.refused(client, long)["code"] == "context_length_exceeded"
        final = self.told(client, long, truncation="auto", max_output_tokens=40)
        assert final["truncation"] == "auto"
        assert final["status"] in ("completed", "incomplete")
        listed = client.responses.input_items.list(final["id"], limit=100)
        assert len(list(listed)) == len(long), "what was left out is still the client's input"

    def test_images_are_refused_by_name(self, client: OpenAI) -> None:
        part = {"type": "input_image", "image_url": PIXEL, "detail": "auto"}
        error = self.refused(client, [{"role": "user", "content": [part]}])
        assert error["type"] == "invalid_request_error"
        assert re.search("image|multimodal", error["message"])

    def test_files_are_read(self, client: OpenAI) -> None:
        text = {"type": "input_text", "text": "Hello"}
        file = {
            "type": "input_file",
            "filename": "a.txt",
            "file_data": "data:text/plain;base64,aGVsbG8gd29ybGQ=",
        }
        bare = self.told(client, [{"role": "user", "content": [text]}], **QUIET)
        more = self.told(client, [{"role": "user", "content": [text, file]}], max_output_tokens=100, **QUIET)
        assert more["usage"]["input_tokens"] > bare["usage"]["input_tokens"] + 2

    def test_tokens_are_counted_as_the_engine_counts(self, client: OpenAI) -> None:
        for more in ({}, {"tools": TOOLS}, {"instructions": "Be brief."}):
            counted = client.responses.input_tokens.count(model=self.model.name, input=ASKED, **more)
            final = self.told(client, ASKED, **more)
            told = final["usage"]["input_tokens"]
            assert counted.input_tokens == told if self.model.counts_prompts else counted.input_tokens > 0

    # ---------- state

    def test_a_chain_and_a_conversation(self, client: OpenAI) -> None:
        model = self.model.name
        given, text = next(iter(self.model.said.items()))
        first = self.told(client, "My name is Ada.", instructions="Be brief.")
        chained = self.told(client, given, previous_response_id=first["id"])
        assert self.text_of(chained) == text
        alone = self.told(client, given)
        assert chained["usage"]["input_tokens"] > alone["usage"]["input_tokens"]
        talk = client.conversations.create(items=[{"role": "user", "content": "My name is Ada."}]).id
        with client.responses.create(model=model, input=given, conversation=talk, stream=True) as stream:
            events = [event.to_dict() for event in stream]
        assert (
            judge.faults(
                judge.settled(events), client.responses.retrieve(events[0]["response"]["id"]).to_dict()
            )
            == []
        )
        items = list(client.conversations.items.list(talk, order="asc"))
        assert [item.type for item in items][:2] == ["message", "message"]
        assert items[-1].to_dict() == events[-1]["response"]["output"][-1]

    def test_background_and_resume(self, client: OpenAI) -> None:
        given, text = next(iter(self.model.said.items()))
        with client.responses.create(
            model=self.model.name, input=given, background=True, stream=True
        ) as stream:
            events = judge.settled([event.to_dict() for event in stream])
        final = client.responses.retrieve(events[0]["response"]["id"])
        assert judge.faults(events, final.to_dict()) == []
        assert self.text_of(final.to_dict()) == text
        for after in range(len(events) - 1):
            with client.responses.retrieve(final.id, stream=True, starting_after=after) as rest:
                assert judge.settled([event.to_dict() for event in rest]) == events[after + 1 :]

    def test_cancel(self, client: OpenAI) -> None:
        begun = client.responses.create(model=self.model.name, background=True, input=self.model.endless)
        with client.responses.retrieve(begun.id, stream=True) as stream:
            events = [next(stream).to_dict() for _ in range(8)]
            cancelled = client.responses.cancel(begun.id)
            events += [event.to_dict() for event in stream]
        assert cancelled.status == "cancelled"
        assert judge.faults(judge.settled(events), cancelled.to_dict()) == []
        self._is_idle(client)

    def test_leaving(self, client: OpenAI) -> None:
        with client.responses.create(model=self.model.name, stream=True, input=self.model.endless) as stream:
            events = [next(stream) for _ in range(8)]
        left = events[0].to_dict()["response"]["id"]
        waited(lambda: client.responses.retrieve(left).status == "cancelled")
        self._is_idle(client)

    def _is_idle(self, client: OpenAI) -> None:
        """The engine has room for the next."""
        given, text = next(iter(self.model.said.items()))
        assert self.text_of(self.told(client, given)) == text

    def test_many_at_once(self, client: OpenAI) -> None:
        finals: list[JSON] = []
        given, text = next(iter(self.model.said.items()))

        def ask() -> None:
            finals.append(self.told(client, given, **QUIET))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert [self.text_of(final) for final in finals] == [text] * 8

    @pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager")
    def test_a_socket(self, client: OpenAI) -> None:
        with client.responses.connect() as connection:
            previous: JSON = {}
            for given, text in self.model.said.items():
                connection.response.create(
                    model=self.model.name, input=given, store=False, **QUIET, **previous
                )
                events = [connection.recv().to_dict()]
                while events[-1]["type"] != "response.completed":
                    events.append(connection.recv().to_dict())
                assert judge.faults(judge.settled(events)) == []
                assert self.text_of(events[-1]["response"]) == text
                previous = {"previous_response_id": events[-1]["response"]["id"]}


# ---------- reading answers


def said(final: JSON) -> list[tuple[str, str]]:
    """Kind and text of each output item."""
    return [(item["type"], _text(item)) for item in final["output"]]


def _text(item: JSON) -> str:
    if item["type"] in ("message", "reasoning"):
        return "".join(part["text"] for part in (*item.get("content", ()), *item.get("summary", ())))
    return f"{item['name']} {item.get('arguments', item.get('input'))}"


def text_of(final: JSON) -> str:
    return "".join(_text(item) for item in final["output"] if item["type"] == "message")


def called(final: JSON) -> list[tuple[str, JSON]]:
    calls = [item for item in final["output"] if item["type"] == "function_call"]
    return [(call["name"], json.loads(call["arguments"])) for call in calls]


def waited(condition: Callable[[], bool]) -> None:
    """Wait for a condition, bounded."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline

"""openai-python: structured output and functions from Pydantic models, through `parse()` and `stream()`."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field
from tests.support.scenarios import script


class Mood(Enum):
    CALM = "calm"
    LIVELY = "lively"


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str = Field(description="Given name first.")
    age: int | None
    mood: Mood
    kind: Literal["friend", "foe"]
    addresses: list[Address]
    height: float
    member: bool


class Node(BaseModel):
    """A schema that refers to itself."""

    value: int
    children: list[Node]


class GetWeather(BaseModel):
    """The weather of a city."""

    city: str
    days: int


JSON_PERSON = (
    '{"name": "Ada", "age": null, "mood": "calm", "kind": "friend", "member": true, "height": 1.6,'
    ' "addresses": [{"street": "Long Lane", "number": 3}]}'
)
ADA = Person(
    name="Ada",
    age=None,
    mood=Mood.CALM,
    kind="friend",
    member=True,
    height=1.6,
    addresses=[Address(street="Long Lane", number=3)],
)


def test_parse(client: OpenAI) -> None:
    response = client.responses.parse(
        model="scripted", input=script(f"say {JSON_PERSON}"), text_format=Person
    )
    assert response.output_parsed == ADA
    assert response.text is not None
    assert response.text.format is not None
    assert response.text.format.type == "json_schema"
    assert response.text.format.strict is True


@pytest.mark.parametrize("model", [Person, Node, GetWeather])
def test_engine_is_given_the_schema(client: OpenAI, model: type[BaseModel]) -> None:
    """Without a script the engine answers with an instance of the schema that it was given."""
    response = client.responses.parse(model="scripted", input="hello", text_format=model)
    assert isinstance(response.output_parsed, model)


def test_stream_parses_too(client: OpenAI) -> None:
    with client.responses.stream(
        model="scripted", input=script(f"say {JSON_PERSON}"), text_format=Person
    ) as stream:
        done = [event.parsed for event in stream if event.type == "response.output_text.done"]
        final = stream.get_final_response()
    assert done == [ADA]
    assert final.output_parsed == ADA


async def test_async_client_parses(aclient: AsyncOpenAI) -> None:
    response = await aclient.responses.parse(
        model="scripted", input=script(f"say {JSON_PERSON}"), text_format=Person
    )
    assert response.output_parsed == ADA


def test_arguments_are_parsed(client: OpenAI) -> None:
    tools = [openai.pydantic_function_tool(GetWeather)]
    calls = script(
        'call GetWeather {"city": "Oslo", "days": 2}', 'call GetWeather {"city": "Rome", "days": 1}'
    )
    response = client.responses.parse(
        model="scripted", input=calls, tools=[{"type": "function", **tool["function"]} for tool in tools]
    )
    parsed = [item.parsed_arguments for item in response.output if item.type == "function_call"]
    assert parsed == [{"city": "Oslo", "days": 2}, {"city": "Rome", "days": 1}]


def test_refusal_is_not_parsed(client: OpenAI) -> None:
    response = client.responses.parse(
        model="scripted", input=script("refuse I will not."), text_format=Person
    )
    (message,) = response.output
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "refusal"
    assert (response.output_parsed, part.refusal) == (None, "I will not.")

"""The whole server in front of a real vLLM, through the official Python client.

`ANTIPHON_VLLM_URL` is the address of a vLLM 0.32 that serves the scripted tiny model (`shared/engines`); see
test_vllm_chat.py for what the model does. Once as a Chat Completions server, once by its own `/v1/responses`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

import pytest
from tests.support.real_engine import Model, OnARealEngine

URL = os.environ.get("ANTIPHON_VLLM_URL")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(URL is None, reason="ANTIPHON_VLLM_URL names no vLLM with the scripted tiny model"),
]

_CALLS = "".join(
    f'<tool_call>\\n{{"name": "{name}", "arguments": {arguments}}}\\n</tool_call>\\n'
    for name, arguments in (("get_weather", '{"city": "Oslo"}'), ("add_numbers", '{"a": 3, "b": 4}'))
)


class TestChat(OnARealEngine):
    model: ClassVar[Model] = Model(
        name="tiny",
        said={
            "Hello": "You said: Hello",
            "<<<Grüße, 世界 🎻>>>": "Grüße, 世界 🎻",
            "<<<two\\nlines>>>": "two\nlines",
        },
        two_calls=f"<<<{_CALLS}>>>",
        endless="[[bench]]",
        words="apple " * 3_000,
        thirds="apple river stone " * 120,
    )

    @pytest.fixture(scope="class")
    @classmethod
    def config(cls) -> str:
        return f'[[engines]]\nname = "vllm"\nurl = "{URL}"\n'


class TestResponses(TestChat):
    """vLLM's own Responses API knows no grammars of custom tools, and leaves in the lines after reasoning."""

    model: ClassVar[Model] = replace(TestChat.model, counts_prompts=False, holds_grammars=False, trims=False)

    @pytest.fixture(scope="class")
    @classmethod
    def config(cls) -> str:
        return f'[[engines]]\nname = "vllm"\nkind = "responses"\nurl = "{URL}"\n'

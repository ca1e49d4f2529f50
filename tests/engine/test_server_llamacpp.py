"""The whole server on the embedded llama.cpp with the demo model, through the official Python client."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path
from typing import ClassVar

import pytest
from openai import APIError, OpenAI
from tests.support.real_engine import Model, OnARealEngine, text_of
from tests.support.server import Server

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="the extra `llamacpp` is not installed"
    ),
]


class TestDemo(OnARealEngine):
    model: ClassVar[Model] = Model(
        name="antiphon-demo",
        said={"Say tiger": "tiger", "Hello": "Hello! How can I help you?"},
        two_calls="What is the weather in Paris and in Rome?",
        endless="apple " * 1_000,
        words="apple " * 9_000,
        thirds="apple " * 700,
        counts_reasoning=False,
    )

    @pytest.fixture(scope="class")
    @classmethod
    def config(cls) -> str:
        return '[[engines]]\nname = "demo"\nkind = "llamacpp"\n'

    def test_its_process_is_started_again(self, client: OpenAI, server: Server) -> None:
        """What runs when it dies fails; the next request is answered."""
        with client.responses.create(model=self.model.name, stream=True, input=self.model.endless) as stream:
            next(stream)
            tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
            for child in [c for task in tasks for c in (task / "children").read_text().split()]:
                os.kill(int(child), signal.SIGKILL)
            with pytest.raises(APIError) as caught:
                list(stream)
        assert caught.value.message.startswith("The engine")
        assert text_of(self.told(client, "Say tiger")) == "tiger"

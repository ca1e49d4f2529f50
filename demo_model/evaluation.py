"""Ask a model file about names, cities and functions that it never saw, through the server that serves it.

An answer counts when it is exactly right: the text, the calls with their arguments, or the JSON value.
Run it with the project's own environment: it starts the embedded engine.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from antiphon.engines.llamacpp.server import DEMO_MODEL, EmbeddedConfig, EmbeddedServer
from demo_model.dialogue import Dialogue, Message
from demo_model.synthesis import dialogue


@dataclass(frozen=True, slots=True)
class Question:
    dialogue: Dialogue
    turn: int  # the index of the message to be given

    @property
    def expected(self) -> Message:
        return self.dialogue.messages[self.turn]

    @property
    def task(self) -> str:
        kind = self.dialogue.task
        if kind not in ("tool", "parallel"):
            return kind
        return f"{kind} call" if "tool_calls" in self.expected else f"{kind} answer"

    def body(self, *, thinks: bool) -> dict[str, Any]:
        """A Chat Completions request."""
        messages = [_sent(message) for message in self.dialogue.messages[: self.turn]]
        tools = {"tools": self.dialogue.tools} if self.dialogue.tools else {}
        thinking = {"enable_thinking": thinks}
        return {"messages": messages, **tools, "max_tokens": 400, "chat_template_kwargs": thinking}

    def right(self, answer: Message) -> bool:
        if "tool_calls" in self.expected:
            return _calls(answer) == _calls(self.expected)
        text, wanted = (answer["content"] or "").strip(), self.expected["content"]
        return not answer.get("tool_calls") and (text == wanted or self._same_json(text, wanted))

    def _same_json(self, text: str, wanted: str) -> bool:
        try:
            return self.task == "json" and json.loads(text) == json.loads(wanted)
        except json.JSONDecodeError:
            return False


def questions(count: int) -> list[Question]:
    rng = random.Random(2026)
    chosen: list[Question] = []
    while len(chosen) < count:
        made = dialogue(rng, "test")
        roles = [message["role"] for message in made.messages]
        last_user = len(roles) - 1 - roles[::-1].index("user")
        answers = [index for index, role in enumerate(roles) if role == "assistant" and index > last_user]
        chosen.append(Question(made, rng.choice(answers)))
    return chosen


def _sent(message: Message) -> Message:
    """As a client sends it back: without thoughts, arguments as text, calls and outputs with an id."""
    sent = {key: value for key, value in message.items() if key != "reasoning_content"}
    if "tool_calls" in sent:
        sent["tool_calls"] = [
            {"id": f"call_{index}", "type": "function", "function": _as_text(call["function"])}
            for index, call in enumerate(sent["tool_calls"])
        ]
    return sent | {"tool_call_id": "call_0"} if sent["role"] == "tool" else sent


def _as_text(function: dict[str, Any]) -> dict[str, str]:
    return {
        "name": function["name"],
        "arguments": json.dumps(function["arguments"], ensure_ascii=False),
    }


def _calls(message: Message) -> list[tuple[str, Any]]:
    calls = [call["function"] for call in message.get("tool_calls") or []]
    return [(call["name"], _arguments(call["arguments"])) for call in calls]


def _arguments(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except json.JSONDecodeError:
        return None


async def evaluate(path: Path, count: int, *, thinks: bool) -> None:
    server = EmbeddedServer(EmbeddedConfig(path))
    await server.start()
    headers = {"authorization": f"Bearer {server.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        gate = asyncio.Semaphore(4)

        async def ask(question: Question) -> Message:
            body = question.body(thinks=thinks)
            async with gate, session.post(f"{server.url}/chat/completions", json=body) as reply:
                reply.raise_for_status()
                return (await reply.json())["choices"][0]["message"]

        asked = questions(count)
        answers = await asyncio.gather(*(ask(question) for question in asked))
    await server.aclose()
    _report(asked, answers)


def _report(asked: list[Question], answers: list[Message]) -> None:
    seen, right = Counter[str](), Counter[str]()
    for question, answer in zip(asked, answers, strict=True):
        for group in (question.task, "all"):
            seen[group] += 1
            right[group] += question.right(answer)
    for group in sorted(seen, key=lambda name: (name == "all", name)):
        print(f"{group:16}{right[group]:4}/{seen[group]:<4} {right[group] / seen[group]:6.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=DEMO_MODEL)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--think", action="store_true", help="let the model think before it answers")
    options = parser.parse_args()
    print(f"{options.file.name} sha256 {hashlib.sha256(options.file.read_bytes()).hexdigest()}")
    asyncio.run(evaluate(options.file, options.questions, thinks=options.think))


if __name__ == "__main__":
    main()

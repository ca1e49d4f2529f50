"""Items → chat messages, in the order that chat servers demand.

One assistant turn (reasoning, text, calls) is one message, and the outputs of its calls follow it at once,
wherever they stood among the items.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.items import Bit, Called, ItemReader, Returned, Said, Thought, text_part
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON

NO_OUTPUT = "[This call has no output.]"
GO_ON = "Continue."
"""What is said to a server that would continue a last assistant message instead of answering it."""


def chat_messages(sample: Sample, dialect: Dialect, hints: Sequence[str] = ()) -> list[JSON]:
    """The whole context as chat messages. `hints` are instructions of ours, at the end of the system text."""
    reader = ItemReader(sample.tools, dialect.image_details, sample.items)
    bits = [bit for item in sample.items for bit in reader.bits(item)]
    conversation = _Conversation(bits, dialect)
    messages = conversation.messages()
    instructions = [sample.instructions] if sample.instructions else []
    if dialect.system == "front":
        instructions += conversation.steering
    if instructions or hints:
        messages.insert(0, {"role": "system", "content": "\n\n".join((*instructions, *hints))})
    if dialect.merge_users:
        messages = _merged(messages)
    if dialect.continues_assistant and messages and messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": GO_ON})
    return messages


@dataclass(slots=True)
class _Turn:
    """One assistant message and what its calls returned, in the order of the calls."""

    texts: list[JSON] = field(default_factory=list[JSON])
    thoughts: list[str] = field(default_factory=list[str])
    calls: list[tuple[Called, Returned | None]] = field(
        default_factory=list[tuple[Called, "Returned | None"]]
    )
    answered: bool = False  # an output followed: what comes next is another turn


class _Conversation:
    """Groups bits into turns and writes them as messages."""

    def __init__(self, bits: Sequence[Bit], dialect: Dialect) -> None:
        self._dialect = dialect
        self._bits = bits
        self._outputs: dict[str, deque[Returned]] = defaultdict(deque)
        for bit in bits:
            if isinstance(bit, Returned):
                self._outputs[bit.call_id].append(bit)
        self._calls = {bit.call_id for bit in bits if isinstance(bit, Called)}
        self._messages: list[JSON] = []
        self._turn = _Turn()
        self.steering: list[str] = []  # system and developer text that goes to the front

    def messages(self) -> list[JSON]:
        for bit in self._bits:
            match bit:
                case Said():
                    self._said(bit)
                case Thought():
                    self._current().thoughts.append(bit.text)
                case Called():
                    output = self._outputs[bit.call_id]
                    self._current().calls.append((bit, output.popleft() if output else None))
                case Returned():
                    self._returned(bit)
        self._flush()
        return self._messages

    def _said(self, said: Said) -> None:
        if said.role == "assistant":
            self._current().texts.extend(said.parts)
            return
        if said.role in ("system", "developer") and self._dialect.system == "front":
            self.steering.append(_text(said.parts))
            return
        self._flush()
        self._messages.append({"role": said.role, "content": _content(said.parts)})

    def _returned(self, returned: Returned) -> None:
        """The call has taken it, unless no such call exists."""
        if returned.call_id in self._calls:
            self._turn.answered = True
        else:
            self._flush()
            parts = (text_part(f"[Output of the call {returned.call_id}]"), *returned.parts)
            self._messages.append({"role": "user", "content": _content(parts)})

    def _current(self) -> _Turn:
        """The turn that an assistant bit belongs to."""
        if self._turn.answered:
            self._flush()
        return self._turn

    def _flush(self) -> None:
        turn, self._turn = self._turn, _Turn()
        if not turn.texts and not turn.calls:
            return  # nothing, or reasoning that led nowhere: no template shows it
        message: JSON = {"role": "assistant", "content": _text(turn.texts, "\n\n")}
        if turn.thoughts and self._dialect.reasoning_back:
            message[self._dialect.reasoning_back] = "\n".join(turn.thoughts)
        if turn.calls:
            message["tool_calls"] = [_tool_call(call) for call, _ in turn.calls]
        self._messages.append(message)
        images: list[JSON] = []
        for call, output in turn.calls:
            self._messages.append(self._tool_message(call, output, images))
        if images:
            self._messages.append({"role": "user", "content": images})

    def _tool_message(self, call: Called, output: Returned | None, images: list[JSON]) -> JSON:
        """One tool message; images that it may not hold are put into `images` with a word about them."""
        parts = output.parts if output else (text_part(NO_OUTPUT),)
        if not self._dialect.tool_images:
            shown = [part for part in parts if part["type"] == "image_url"]
            parts = tuple(part for part in parts if part["type"] != "image_url")
            if shown:
                parts = (*parts, text_part("[The next user message holds the images of this output.]"))
                images += [text_part(f"[Images from the output of {call.name}]"), *shown]
        return {"role": "tool", "tool_call_id": call.call_id, "content": _content(parts)}


def _tool_call(call: Called) -> JSON:
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _text(parts: Iterable[JSON], glue: str = "\n") -> str:
    return glue.join(part["text"] for part in parts if part["type"] == "text")


def _content(parts: Sequence[JSON]) -> str | list[JSON]:
    """A plain string wherever there is only text: every server and template takes that."""
    return _text(parts) if all(part["type"] == "text" for part in parts) else list(parts)


def _merged(messages: Iterable[JSON]) -> list[JSON]:
    """Consecutive user messages as one."""
    out: list[JSON] = []
    for message in messages:
        if out and message["role"] == "user" == out[-1]["role"]:
            out[-1] = {"role": "user", "content": _joined(out[-1]["content"], message["content"])}
        else:
            out.append(message)
    return out


def _joined(first: str | list[JSON], second: str | list[JSON]) -> str | list[JSON]:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_listed(first), *_listed(second)]


def _listed(content: str | list[JSON]) -> list[JSON]:
    return [text_part(content)] if isinstance(content, str) else content

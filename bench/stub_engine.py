"""A Chat Completions server that costs almost nothing: `stub_engine.py PORT`.

The model's name says what it does: `stub-TOKENS-INTERVAL_MS`. Each stream's first token is the engine's own
monotonic time, so that a client on this machine can tell how far behind it is.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
MODELS = json.dumps({"object": "list", "data": []}).encode()


def chunk(data: dict[str, object]) -> bytes:
    body = b"data: " + json.dumps(data).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(body), body)


def delta(content: str) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": None}
    return chunk(
        {
            "id": "chatcmpl-0123456789abcdef0123456789abcdef",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "stub",
            "choices": [choice],
        }
    )


TOKEN = delta(" token")


def ending(tokens: int) -> bytes:
    stop = {"index": 0, "delta": {}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens}
    done = b"data: [DONE]\n\n"
    return (
        chunk({"id": "c", "object": "chat.completion.chunk", "choices": [stop]})
        + chunk({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(done), done)
    )


class Stub(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None

    def connection_lost(self, _: Exception | None) -> None:
        if self.task:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, gap, rest = self.buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = re.search(rb"content-length: *(\d+)", head, re.I)
        size = int(length[1]) if length else 0
        if len(rest) < size:
            return
        self.buffer = rest[size:]
        if b"/chat/completions" in head.split(b"\r\n", 1)[0]:
            _, tokens, interval = json.loads(rest[:size])["model"].split("-")
            self.task = asyncio.create_task(self.answer(int(tokens), float(interval) / 1000))
        else:
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(MODELS), MODELS)
            )

    async def answer(self, tokens: int, interval: float) -> None:
        self.transport.write(HEAD)
        self.transport.write(delta(f"{time.monotonic():.6f}"))
        if interval == 0:
            for _ in range(tokens - 1):
                self.transport.write(TOKEN)
                if self.transport.get_write_buffer_size() > 65536:
                    await asyncio.sleep(0)
        else:
            start = time.monotonic()
            for number in range(1, tokens):
                await asyncio.sleep(max(0, start + number * interval - time.monotonic()))
                self.transport.write(TOKEN)
        self.transport.write(ending(tokens))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))

"""The child that tries a lark grammar: `python -m antiphon.inputs.grammar_child MEMORY CPU`.

The definition comes on standard input. The answer is `+`, or `-` and why it does not compile.
"""

from __future__ import annotations

import sys

from antiphon.inputs.confine import confine
from antiphon.inputs.lark import Lark, LarkError

_MESSAGE_BYTES = 400


def main() -> None:
    confine(int(sys.argv[1]), int(sys.argv[2]))
    definition = sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        Lark(definition).probe()
        answer = b"+"
    except LarkError as error:
        answer = b"-" + str(error).encode()[:_MESSAGE_BYTES]
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()

"""The tokenizer under which grammars are matched and written here: a token is a byte."""

from __future__ import annotations

from functools import cache
from typing import Any

_END = 256


class _Bytes:
    """What llguidance asks of a tokenizer: one token per byte, and an end."""

    eos_token_id = _END
    bos_token_id = None
    tokens = (*(bytes([value]) for value in range(256)), b"<end>")
    special_token_ids = (_END,)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


@cache
def byte_tokenizer() -> Any:
    """llguidance's tokenizer object; the library is loaded when it is first needed."""
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_Bytes()))

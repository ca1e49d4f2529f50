"""What custom tools may be given: checking that a grammar compiles, and that an input keeps it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from functools import lru_cache, partial

from antiphon.config import InputSettings
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid
from antiphon.inputs.child import Bounds, run_child
from antiphon.inputs.lark import Lark, TooCostly
from antiphon.inputs.pattern import PatternError, compile_pattern

_CHILD = "antiphon.inputs.grammar_child"
_CHILDREN = 2
_CHILD_MEMORY_BYTES = 1024 * 1024 * 1024
_CHILD_OUTPUT_BYTES = 1024
_KNOWN = 10_000
"""Grammars remembered as good; 32 bytes each."""
_COMPILED = 16


class Grammars:
    """Checks grammars and inputs. `format_` is a custom tool's official `format` object."""

    def __init__(self, settings: InputSettings) -> None:
        self._settings = settings
        self._bounds = Bounds(settings.grammar_timeout_s, _CHILD_MEMORY_BYTES, _CHILD_OUTPUT_BYTES)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._children = asyncio.Semaphore(_CHILDREN)
        self._pattern = lru_cache(_COMPILED)(partial(compile_pattern, settings.regex_program_bytes))
        self._lark = lru_cache(_COMPILED)(Lark)

    async def check_format(self, format_: JSON, param: str) -> None:
        """Raise `Invalid` (`invalid_grammar`) for a grammar that does not compile.

        `param` is the path to the definition.
        """
        if format_["type"] != "grammar":
            return
        definition = format_["definition"]
        if len(definition) > self._settings.max_grammar_bytes:
            raise _invalid(f"it is longer than {self._settings.max_grammar_bytes} bytes", param)
        if format_["syntax"] == "regex":
            try:
                self._pattern(definition)
            except PatternError as error:
                raise _invalid(str(error), param) from error
        else:
            await self._try_lark(definition, param)

    def accepts(self, format_: JSON, text: str) -> bool:
        """Whether the tool may be given `text`; the format has passed `check_format`.

        Raises `Invalid` where the grammar is too costly to tell.
        """
        if format_["type"] != "grammar":
            return True
        try:
            if format_["syntax"] == "lark":
                return self._lark(format_["definition"]).accepts(text, self._settings.match_timeout_s)
            if len(text) > self._settings.max_regex_input_bytes:
                raise TooCostly("the input is too long")
            return self._pattern(format_["definition"]).is_valid(text)
        except TooCostly as error:
            raise _invalid(f"matching an input against it is too costly: {error}", "tools") from error

    async def _try_lark(self, definition: str, param: str) -> None:
        """Compile in a child, once: a grammar can crash the compiler."""
        encoded = definition.encode("utf-8", "replace")
        digest = hashlib.sha256(encoded).digest()
        if digest in self._known:
            self._known.move_to_end(digest)
            return
        async with self._children:
            ended = await run_child(_CHILD, (), encoded, self._bounds)
        if ended.status != 0 or not ended.output:
            raise _invalid("compiling it takes more time or memory than this server gives", param)
        if ended.output != b"+":
            raise _invalid(ended.output[1:].decode("utf-8", "replace"), param)
        self._known[digest] = None
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _invalid(why: str, param: str) -> Invalid:
    return Invalid(f"Invalid grammar: {why}.", param=param, code="invalid_grammar")

"""Custom tools with a regex: linear-time matching by the engine of `jsonschema_rs`.

The dialect is that of `pattern` in JSON Schema, through which engines are asked to keep the rule, without
look-around and back-references; the whole input must match. No pattern can hang it: compiled size and
input length are bounded.
"""

from __future__ import annotations

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError


class PatternError(Exception):
    """Not a regex of the dialect, or one too large to compile."""


def compile_pattern(program_bytes: int, definition: str) -> Draft202012Validator:
    """A validator that takes what the whole pattern matches. Raises `PatternError`."""
    options = RegexOptions(size_limit=program_bytes, dfa_size_limit=program_bytes)
    try:
        # Alone first: `a)|(b` would only compile inside the group.
        Draft202012Validator({"pattern": definition}, pattern_options=options)
        return Draft202012Validator({"pattern": f"^(?:{definition})$"}, pattern_options=options)
    except ValidationError as error:
        raise PatternError(
            "it is no regular expression (of the dialect of JSON Schema, without look-around and "
            "back-references), or too large"
        ) from error

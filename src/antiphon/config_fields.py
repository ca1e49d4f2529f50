"""The settings as a table, read from the classes of `config`: names, types, units, defaults, meanings.

Loading, `antiphon config` and docs/configuration.md all read this table, so they cannot disagree.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeGuard, Union, get_args, get_origin

import msgspec
from msgspec.structs import fields as struct_fields

from antiphon.config import Section, Settings

ENGINE = "engines[]."
"""The settings of one engine; environment and flags reach them where there is at most one engine."""

MODEL = "model"
"""Not a setting of its own: a .gguf file fills `model_path`, any other name fills `models`."""

SHORT_ENV: Mapping[str, str] = {
    "ANTIPHON_HOST": "http.host",
    "ANTIPHON_PORT": "http.port",
    "ANTIPHON_ENGINE": ENGINE + "kind",
    "ANTIPHON_MODEL": MODEL,
    "ANTIPHON_STORE": "store.url",
    "ANTIPHON_API_KEYS": "auth.keys",
}
"""Variables beside the regular ones, mostly named after the flags (`ANTIPHON_ENGINE_URL` is regular)."""

FLAGS: Mapping[str, str] = {
    "--host": "http.host",
    "--port": "http.port",
    "--engine": ENGINE + "kind",
    "--engine-url": ENGINE + "url",
    "--engine-key": ENGINE + "key",
    "--model": MODEL,
    "--store": "store.url",
    "--log-level": "log.level",
    "--log-format": "log.format",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting.

    `path` is `section.name`, with `[]` after the name of a list of tables (`engines[].url`). `type` is
    what `msgspec.convert` takes. `default` is `msgspec.NODEFAULT` where a value must be given.
    """

    path: str
    type: Any
    default: Any
    doc: str
    unit: str | None
    secret: bool

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def section(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def env(self) -> tuple[str, ...]:
        """Variables that set it, the regular one first; none for settings of a table in a list."""
        if self.path.startswith(ENGINE):
            regular = ("ANTIPHON_ENGINE_" + self.name.upper(),)
        elif "[]" in self.path:
            return ()
        else:
            regular = ("ANTIPHON_" + self.path.replace(".", "_").upper(),)
        return regular + tuple(env for env, path in SHORT_ENV.items() if path == self.path)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(flag for flag, path in FLAGS.items() if path == self.path)

    @property
    def tables(self) -> type[Section] | None:
        """The class of its elements where it is a list of tables."""
        return tables_of(self.type)


@cache
def fields() -> Mapping[str, Field]:
    """Every setting by path, in the order of the classes."""
    return {field.path: field for field in _walk(Settings, "")}


@cache
def env_names() -> Mapping[str, str]:
    """Environment variable → path, for every setting that has one, and `ANTIPHON_MODEL`."""
    regular = {env: field.path for field in fields().values() for env in field.env}
    return {**regular, **SHORT_ENV}


def describe_settings() -> Iterator[tuple[str, str, Any, str]]:
    """(path, type in words, default or `msgspec.NODEFAULT`, meaning) of every setting."""
    for field in fields().values():
        yield field.path, type_words(field), field.default, field.doc


def is_section(hint: Any) -> TypeGuard[type[Section]]:
    return isinstance(hint, type) and issubclass(hint, Section)


def tables_of(hint: Any) -> type[Section] | None:
    """The class of the elements of a `tuple[Section, ...]`."""
    return next((arg for arg in get_args(bare(hint)) if is_section(arg)), None)


def bare(hint: Any) -> Any:
    """A type without its annotations and without `| None`."""
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    if get_origin(hint) in (types.UnionType, Union):
        return next(bare(arg) for arg in get_args(hint) if arg is not type(None))
    return hint


def type_words(field: Field) -> str:
    """What a value of the setting looks like, for messages and docs."""
    kind = bare(field.type)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if field.tables is not None:
        return "list of tables"
    words = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    word = words.get(kind) or ("table of texts" if get_origin(kind) is dict else "list of texts")
    return word + (f" of {field.unit}" if field.unit else "") + _bounds(_metas(field.type))


def _bounds(metas: list[msgspec.Meta]) -> str:
    ge = next((meta.ge for meta in metas if meta.ge is not None), None)
    le = next((meta.le for meta in metas if meta.le is not None), None)
    gt = next((meta.gt for meta in metas if meta.gt is not None), None)
    if ge is not None and le is not None:
        return f" from {ge} to {le}"
    if ge is not None:
        return f", at least {ge}"
    return f" above {gt}" if gt is not None else ""


def _walk(section: type[Section], prefix: str) -> Iterator[Field]:
    for raw in struct_fields(section):
        if is_section(raw.type):
            yield from _walk(raw.type, f"{prefix}{raw.name}.")
            continue
        field = _field(f"{prefix}{raw.name}", raw)
        yield field
        if field.tables is not None:
            yield from _walk(field.tables, f"{field.path}[].")


def _field(path: str, raw: msgspec.structs.FieldInfo) -> Field:
    hint: Any = raw.type
    default = raw.default_factory() if raw.default_factory is not msgspec.NODEFAULT else raw.default
    extras = [meta.extra for meta in _metas(hint) if meta.extra]
    return Field(
        path=path,
        type=hint,
        default=default,
        doc=next(note for note in hint.__metadata__ if isinstance(note, str)),
        unit=next((extra["unit"] for extra in extras if "unit" in extra), None),
        secret=any("secret" in extra for extra in extras),
    )


def _metas(hint: Any) -> list[msgspec.Meta]:
    """Every `Meta` of a type, through annotations and unions, outermost first."""
    here = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, msgspec.Meta)]
    inner: tuple[Any, ...] = (hint.__origin__,) if hasattr(hint, "__metadata__") else ()
    if get_origin(hint) in (types.UnionType, Union):
        inner = get_args(hint)
    return here + [meta for arg in inner for meta in _metas(arg)]

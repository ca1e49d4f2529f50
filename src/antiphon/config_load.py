"""Settings from, in rising priority: defaults, `antiphon.toml`, the environment, flags.

Unknown names are errors with a suggestion; a wrong value names the setting, where it came from and what
was expected. Every value remembers its source, which `antiphon config` prints.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_origin

import msgspec
from msgspec.structs import fields as struct_fields

from antiphon.config import Section, Settings
from antiphon.config_check import ConfigError, check
from antiphon.config_fields import (
    ENGINE,
    FLAGS,
    MODEL,
    Field,
    bare,
    env_names,
    fields,
    is_section,
    tables_of,
    type_words,
)

S = TypeVar("S", bound=Section)

_FILE = "antiphon.toml"
_OTHER_ENV = {"ANTIPHON_CONFIG", "ANTIPHON_SHARED"}  # the file's place; a folder of the test suite
# A Kubernetes service called `antiphon` puts these into every pod of its namespace.
_KUBERNETES_LINK = re.compile(r"ANTIPHON_(SERVICE_(HOST|PORT\w*)|PORT_\d+_\w+)")
_LISTS_OF_ONE_NAME = {"auth.keys": "key"}  # comma-separated text fills this field of each table


@dataclass(frozen=True, slots=True)
class Value:
    """`source` says who gave it: a file, a variable, a flag, `default`, or the setting it follows from."""

    value: Any
    source: str


Values = dict[str, Value]
"""By place: a path with the index of each table (`engines[0].url`). Only what somebody gave."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`values` holds what was given or inferred; everything else is at its default."""

    settings: Settings
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Given:
    """One text from environment or flags."""

    path: str
    text: str
    source: str


def load(
    *,
    flags: Mapping[str, str] | None = None,
    sets: Iterable[str] = (),
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read and check everything.

    `flags` maps flags (`--port`) to their texts, `sets` are `section.name=value`, `config` is the file
    (else `$ANTIPHON_CONFIG`, else `./antiphon.toml` if it is there). Raises `ConfigError`.
    """
    environ = environ or {}
    values: Values = {}
    _read_file(values, config, environ)
    _apply(values, list(_from_environ(environ)))
    _apply(values, [*_from_flags(flags or {}), *_from_sets(sets)])
    _infer_kinds(values)
    settings = _section(values, Settings, "")
    check(settings, {place: value.source for place, value in values.items()})
    return Loaded(settings, values)


# ---------- the file


def _read_file(values: Values, config: Path | None, environ: Mapping[str, str]) -> None:
    named = environ.get("ANTIPHON_CONFIG")
    path = config or (Path(named) if named else Path(_FILE))
    if config is None and not named and not path.exists():
        return
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not TOML: {exc}") from exc
    _take_table(values, document, ("", ""), str(path))


def _take_table(values: Values, table: Mapping[str, Any], at: tuple[str, str], source: str) -> None:
    """Fill `values` from a table whose (path, place) prefixes are `at`."""
    path, place = at
    for name, value in table.items():
        field = fields().get(path + name)
        if field is not None:
            _put(values, field, place + name, Value(value, source))
        elif isinstance(value, dict) and _is_section(path + name):
            _take_table(values, value, (f"{path}{name}.", f"{place}{name}."), source)  # pyright: ignore[reportUnknownArgumentType]
        else:
            _unknown(f"{place}{name}", source, _names_at(path))


def _is_section(path: str) -> bool:
    return any(known.startswith(path + ".") for known in fields())


def _names_at(prefix: str) -> list[str]:
    """The names that may stand in the table at `prefix`, as they would be written there."""
    rest = (path.removeprefix(prefix) for path in fields() if path.startswith(prefix))
    return sorted({re.split(r"[.\[]", name)[0] for name in rest})


def _unknown(name: str, source: str, known: Iterable[str]) -> NoReturn:
    names = list(known)
    last = name.rpartition(".")[2]
    close = get_close_matches(name, names, n=1) or get_close_matches(last, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ConfigError(f"{source}: unknown setting {name}{hint}")


# ---------- environment and flags


def _from_environ(environ: Mapping[str, str]) -> Iterator[Given]:
    for name, text in sorted(environ.items()):
        if not name.startswith("ANTIPHON_") or name in _OTHER_ENV or not text:
            continue
        if _KUBERNETES_LINK.fullmatch(name) or (name == "ANTIPHON_PORT" and text.startswith("tcp://")):
            continue
        if name not in env_names():
            _unknown(name, "environment", env_names())
        yield Given(env_names()[name], text, name)


def _from_flags(flags: Mapping[str, str]) -> Iterator[Given]:
    for flag, text in flags.items():
        yield Given(FLAGS[flag], text, flag)


def _from_sets(sets: Iterable[str]) -> Iterator[Given]:
    for given in sets:
        name, equals, text = given.partition("=")
        if not equals:
            raise ConfigError(f"--set {given}: expected section.name=value")
        path = re.sub(r"^engine\.", ENGINE, name.strip())
        if path not in fields() or ("[]" in path and not path.startswith(ENGINE)):
            _unknown(name, "--set", [known.replace(ENGINE, "engine.") for known in fields()])
        yield Given(path, text, f"--set {name}")


def _apply(values: Values, given: list[Given]) -> None:
    """Lay one layer over `values`; lists of engines first, so that single settings meet the new list."""
    _refuse_doubles(given)
    for one in sorted(given, key=lambda one: one.path.startswith(ENGINE) or one.path == MODEL):
        path = one.path
        if path == MODEL:
            path = ENGINE + ("model_path" if one.text.lower().endswith(".gguf") else "models")
        place = path
        if path.startswith(ENGINE):
            _refuse_several(values, one)
            place = path.replace("[]", "[0]")
        field = fields()[path]
        _put(values, field, place, Value(_parse(field, one), one.source), text=True)


def _refuse_doubles(given: list[Given]) -> None:
    seen: dict[str, Given] = {}
    for one in given:
        other = seen.setdefault(one.path, one)
        if other.text != one.text:
            raise ConfigError(f"{other.source} and {one.source} disagree on {one.path}")


def _refuse_several(values: Values, one: Given) -> None:
    if any(place.startswith("engines[1].") for place in values):
        raise ConfigError(
            f"{one.source} sets one engine, but {values['engines'].source} configures several: set it there"
        )


def _parse(field: Field, one: Given) -> Any:
    """Text as the value that a file would hold; scalars stay text for `_convert`."""
    kind = get_origin(bare(field.type))
    if kind is tuple and not one.text.lstrip().startswith("["):
        parts = [part.strip() for part in one.text.split(",") if part.strip()]
        key = _LISTS_OF_ONE_NAME.get(field.path)
        if field.tables is not None and key is None:
            raise ConfigError(f"{one.source}: {field.path} takes a JSON list of objects")
        return [{key: part} for part in parts] if key else parts
    if kind in (tuple, dict):
        try:
            return json.loads(one.text)
        except ValueError as exc:
            raise ConfigError(f"{one.source}: {field.path} is not JSON: {exc}") from exc
    return one.text


# ---------- values


def _put(values: Values, field: Field, place: str, given: Value, *, text: bool = False) -> None:
    """Check a value against its field and keep it; a list of tables replaces the whole list."""
    if field.tables is None:
        values[place] = Value(_convert(field, place, given, text), given.source)
        return
    try:
        tables = msgspec.convert(given.value, list[dict[str, Any]])
    except msgspec.ValidationError:
        _wrong(field, place, given)
    for old in [key for key in values if key.startswith(f"{place}[")]:
        del values[old]
    values[place] = Value(len(tables), given.source)
    for index, table in enumerate(tables):
        _take_table(values, table, (f"{field.path}[].", f"{place}[{index}]."), given.source)
        _refuse_missing(values, field, f"{place}[{index}].", given.source)


def _refuse_missing(values: Values, field: Field, place: str, source: str) -> None:
    for inner in fields().values():
        required = inner.section == f"{field.path}[]" and inner.default is msgspec.NODEFAULT
        if required and place + inner.name not in values:
            raise ConfigError(f"{source}: {place}{inner.name} is missing")


def _convert(field: Field, place: str, given: Value, text: bool) -> Any:
    try:
        value = msgspec.convert(given.value, field.type, strict=not text)
    except msgspec.ValidationError:
        _wrong(field, place, given)
    if isinstance(value, float) and not math.isfinite(value):
        _wrong(field, place, given)
    return value


def _wrong(field: Field, place: str, given: Value) -> NoReturn:
    got = "" if field.secret or "key" in field.path else f", got {given.value!r}"
    raise ConfigError(f"{given.source}: {place} must be: {type_words(field)}{got}")


def _infer_kinds(values: Values) -> None:
    """Say what an engine speaks where nobody said it; no engine at all is the demo model."""
    listed = values["engines"].value if "engines" in values else 0
    if not listed:
        values["engines"] = Value(1, "default")
    for index in range(max(1, listed)):
        place = f"engines[{index}]."
        if place + "kind" in values:
            continue
        for name, kind in (("url", "chat"), ("model_path", "llamacpp")):
            if place + name in values:
                values[place + "kind"] = Value(kind, f"follows from {name}")
                break
        else:
            _infer_embedded(values, place, listed)


def _infer_embedded(values: Values, place: str, listed: int) -> None:
    models = values.get(place + "models")
    if listed:
        raise ConfigError(f"{values['engines'].source}: {place}kind is missing (or give a url)")
    if models is not None:
        raise ConfigError(
            f"{models.source}: the model {', '.join(models.value)} needs an engine: give --engine-url, "
            "or a .gguf file as model"
        )
    values[place + "kind"] = Value("llamacpp", "default")


def _section(values: Values, kind: type[S], prefix: str) -> S:
    """The object of one table, from the values whose place begins with `prefix`."""
    chosen: dict[str, Any] = {}
    for raw in struct_fields(kind):
        place = prefix + raw.name
        if is_section(raw.type):
            chosen[raw.name] = _section(values, raw.type, f"{place}.")
        elif place not in values:
            continue
        elif tables := tables_of(raw.type):
            count = values[place].value
            chosen[raw.name] = tuple(_section(values, tables, f"{place}[{i}].") for i in range(count))
        else:
            chosen[raw.name] = values[place].value
    return kind(**chosen)

"""What `antiphon config` prints: every setting in force, who gave it and what it is; secrets masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from antiphon.config import Section
from antiphon.config_fields import Field, fields, type_words
from antiphon.config_load import Loaded

MASK = "********"


@dataclass(frozen=True, slots=True)
class Row:
    """One effective setting. `value` is masked; for a list of tables it is their number."""

    place: str
    field: Field
    value: Any
    source: str


def rows(loaded: Loaded) -> Iterator[Row]:
    """Every setting in force, in the order of the classes, tables of lists after their list."""
    return _rows(loaded, loaded.settings, "", "")


def as_text(loaded: Loaded) -> str:
    """Aligned columns: place, value, source, meaning with the default."""
    table = [(row.place, _literal(row.value), row.source, _meaning(row)) for row in rows(loaded)]
    widths = [min(44, max(len(line[column]) for line in table)) for column in range(3)]
    return "\n".join("  ".join([*map(str.ljust, line[:3], widths), line[3]]) for line in table)


def as_json(loaded: Loaded) -> str:
    """A list of objects with name, value, default, source, type, unit and meaning."""
    return json.dumps([_object(row) for row in rows(loaded)], indent=2, ensure_ascii=False)


def as_toml(loaded: Loaded) -> str:
    """A file that sets what is in force; what is unset or secret stands as a comment."""
    lines: list[str] = []
    header = None
    for row in rows(loaded):
        table = row.place.rpartition(".")[0]
        if row.field.tables is not None:
            continue
        if table != header:
            header = table
            name = re.sub(r"\[\d+\]", "", table)
            lines += ["", f"[[{name}]]" if table.endswith("]") else f"[{name}]"]
        lines.append(_toml_line(row))
    return "\n".join(lines).lstrip()


def _rows(loaded: Loaded, section: Section, path: str, place: str) -> Iterator[Row]:
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _rows(loaded, value, f"{path}{name}.", f"{place}{name}.")
            continue
        field = fields()[path + name]
        given = loaded.values.get(place + name)
        source = given.source if given else "default"
        if field.tables is None:
            yield Row(place + name, field, _masked(field, value), source)
            continue
        yield Row(place + name, field, len(value), source)
        for index, table in enumerate(cast("tuple[Section, ...]", value)):
            yield from _rows(loaded, table, f"{path}{name}[].", f"{place}{name}[{index}].")


def _masked(field: Field, value: Any) -> Any:
    if field.secret and isinstance(value, dict):
        return dict.fromkeys(cast("dict[str, str]", value), MASK)
    if field.secret and value is not None:
        return MASK
    if field.name == "url" and value is not None:  # a password may stand in it
        return re.sub(r"//[^/@]*@", f"//{MASK}@", value)
    return value


def _meaning(row: Row) -> str:
    field = row.field
    required = field.default is msgspec.NODEFAULT
    default = "required" if required else f"default {_literal(_default(field))}"
    return f"{field.doc} ({type_words(field)}; {default})"


def _default(field: Field) -> Any:
    return len(field.default) if field.tables is not None else field.default


def _object(row: Row) -> dict[str, Any]:
    field = row.field
    required = field.default is msgspec.NODEFAULT
    return {
        "name": row.place,
        "value": row.value,
        "default": None if required else _default(field),
        "source": row.source,
        "type": type_words(field),
        "unit": field.unit,
        "meaning": field.doc,
    }


def _toml_line(row: Row) -> str:
    if row.value is None:
        return f"# {row.field.name} is unset"
    if MASK in str(row.value):
        return f"# {row.field.name} is set by {row.source} and not shown"
    return f"{row.field.name} = {_literal(row.value)}"


def _literal(value: Any) -> str:
    """A value as TOML writes it; `unset` for none."""
    if value is None:
        return "unset"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {_literal(v)}" for k, v in cast("dict[str, Any]", value).items())
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value, ensure_ascii=False)

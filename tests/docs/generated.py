"""The parts of docs/ that are read from the code; `make docs` writes them, tests compare them.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from tests.conformance.mutants import page

from antiphon.checker import exporter
from antiphon.cli import main
from antiphon.config import Settings
from antiphon.config_fields import ENGINE, Field, fields, type_words
from antiphon.core.support import CLIENT_EXTRAS, SUPPORT
from antiphon.http.metrics import Metrics
from antiphon.http.routes import API, METRICS, OPEN, Operation

DOCS = Path(__file__).resolve().parents[2] / "docs"


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


# ---------- configuration


def settings() -> str:
    parts: list[str] = []
    for section, members in sections().items():
        parts.append(f"### `{title(section)}`\n\n{meaning(section)}\n")
        head = ("setting", "default", "value", "what it is", "variable")
        parts.append(table(head, *(setting_row(field) for field in members)) + "\n")
    return "\n".join(parts).rstrip()


def sections() -> dict[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for field in fields().values():
        if field.tables is None or field.section:
            found.setdefault(field.section, []).append(field)
    return found


def title(section: str) -> str:
    return f"[[{section[:-2]}]]" if section.endswith("[]") else f"[{section}]"


def meaning(section: str) -> str:
    """The docstring of the section's class."""
    path = section.removesuffix("[]")
    if section.endswith("[]"):
        owner: Any = fields()[path].tables
    else:
        owner = type(getattr(Settings(), path))
    return str(owner.__doc__).strip()


def setting_row(field: Field) -> tuple[str, ...]:
    variables = ", ".join(f"`{name}`" for name in field.env) or "–"
    return f"`{field.name}`", shown_default(field), type_words(field), field.doc, variables


def shown_default(field: Field) -> str:
    match field.default:
        case msgspec.NODEFAULT:
            return "required"
        case None:
            return "unset"
        case bool(value):
            return f"`{str(value).lower()}`"
        case () | {}:
            return "none"
        case tuple(values):
            return ", ".join(f"`{value}`" for value in values)
        case value:
            return f"`{value}`"


def flags() -> str:
    rows = [
        (f"`{flag}`", f"`{path.replace(ENGINE, 'engine.')}`")
        for path, field in fields().items()
        for flag in field.flags
    ]
    return table(
        ("flag", "setting"),
        *rows,
        ("`--model`", "`engine.model_path` for a `.gguf` file, else `engine.models`"),
    )


# ---------- command line


def commands() -> str:
    return "\n\n".join(f"```text\n{text}\n```" for text in _helps(main, "antiphon", None))


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    width = {"terminal_width": 100, "max_content_width": 100}
    context = command.make_context(name, [], parent, resilient_parsing=True, **width)
    yield command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _helps(found, inner, context)


# ---------- parameters, routes, metrics


def parameters() -> str:
    rows = [(f"`{row.parameter}`", row.how, row.note) for row in SUPPORT.values()]
    return table(("parameter", "how", "what happens"), *rows)


def extras() -> str:
    return table(("parameter", "why"), *((f"`{name}`", why) for name, why in CLIENT_EXTRAS.items()))


def routes() -> str:
    def row(operation: Operation, key: str) -> tuple[str, ...]:
        path = operation.path.replace(":path}", "}")
        return operation.method, f"`{path}`", "official" if operation.official else "our own", key

    needs_key = [row(operation, "yes") for operation in (*API, METRICS)]
    free = [row(operation, "no") for operation in OPEN]
    return table(("method", "path", "surface", "key"), *needs_key, *free)


def metrics() -> str:
    families = [family for family in Metrics().registry.collect() if family.name.startswith("antiphon_")]
    rows = [(f"`{metric_name(family)}`", family.type, family.documentation) for family in families]
    return table(("name", "type", "what it counts"), *rows)


def metric_name(family: Any) -> str:
    return family.name + ("_total" if family.type == "counter" else "")


def check_metrics() -> str:
    rows = [
        (f"`{name}`", ", ".join(f"`{label}`" for label in labels) or "–", text)
        for name, (text, labels) in exporter.METRICS.items()
    ]
    return table(("name", "labels", "what it says"), *rows)


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "configuration.md": {"settings": settings, "flags": flags},
    "cli.md": {"commands": commands},
    "parameters.md": {"parameters": parameters, "extras": extras},
    "routes.md": {"routes": routes},
    "metrics.md": {"metrics": metrics},
    "check-reports.md": {"check-metrics": check_metrics},
    "check-blind-spots.md": {"score": page.score, "gaps": page.gaps, "faults": page.faults},
}


def renewed(name: str) -> str:
    """The text of a page with its generated parts as the code has them now."""
    text = (DOCS / name).read_text("utf-8")
    for part, make in PARTS[name].items():
        block = re.compile(rf"(<!-- generated: {part} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        made = make()
        text, count = block.subn(lambda found, made=made: f"{found[1]}{made}{found[2]}", text)
        assert count == 1, f"{name} has {count} places for {part}"
    return text


if __name__ == "__main__":
    for name in PARTS:
        (DOCS / name).write_text(renewed(name), "utf-8")

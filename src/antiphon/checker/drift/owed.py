"""What the pin has and the code has not, with the day by which it is due: read from the mapping."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any

from antiphon.checker.drift.priorities import DAYS, Priority
from antiphon.checker.elements import reply_types

JSON = dict[str, Any]


def owed(mapping: JSON) -> dict[str, list[str]]:
    """Priority → the elements that are absent; parts of an absent operation are owed with it."""
    absent = {name for name, one in mapping["elements"].items() if one["status"] == "absent"}
    makers = reply_types()

    def alone(element: str) -> bool:
        group, _, name = element.partition(":")
        operation = {
            "parameter": name.rpartition(":")[0],
            "query": name.rpartition(":")[0],
            "field": makers.get(name.rpartition(".")[0], ""),
        }.get(group, "")
        return f"operation:{operation}" not in absent

    found = sorted(element for element in absent if alone(element))
    operations = [one for one in found if one.startswith("operation:")]
    return {
        Priority.NEW_REQUIRED: operations,
        Priority.OPTIONAL: [one for one in found if one not in operations],
    }


def page(mapping: JSON) -> str:
    """The table, in Markdown. Days count from the release that the pin was made from."""
    pin = mapping["pin"]
    found = owed(mapping)
    rows = ["| priority | what | elements | due |", "| --- | --- | --- | --- |"]
    for priority, elements in found.items():
        due = datetime.date.fromisoformat(pin["date"]) + datetime.timedelta(days=DAYS[Priority(priority)])
        for what, count in sorted(Counter(map(_group, elements)).items()):
            rows.append(f"| {priority} | {what} | {count} | {due.isoformat()} |")
    if len(rows) == 2:
        return f"Nothing of openai {pin['version']} is absent."
    names = "\n".join(f"- `{one}`" for one in found[Priority.OPTIONAL])
    listed = f"\n\n<details><summary>the optional ones</summary>\n\n{names}\n\n</details>" if names else ""
    return "\n".join(rows) + listed


def _group(element: str) -> str:
    group, _, name = element.partition(":")
    return f"operations on `/{name.split('/')[1]}`" if group == "operation" else group

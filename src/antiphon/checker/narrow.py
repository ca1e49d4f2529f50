"""JSON of unknown shape, looked at safely: what is not there, or is something else, is empty."""

from __future__ import annotations

from typing import Any, cast

JSON = dict[str, Any]


def as_object(value: Any) -> JSON:
    """The value if it is an object, else an empty one."""
    return cast(JSON, value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def objects(value: Any) -> list[JSON]:
    """The objects in an array; none where it is no array."""
    return [cast(JSON, one) for one in as_list(value) if isinstance(one, dict)]


def inside(value: Any, *names: str) -> Any:
    """The value under these keys, one inside the other; None where one is missing."""
    for name in names:
        value = as_object(value).get(name)
    return value

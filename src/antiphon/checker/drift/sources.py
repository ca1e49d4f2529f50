"""What `OLD` and `NEW` of a comparison may be, and how two of different origin become comparable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from antiphon.checker.drift import openapi_reader, sdk
from antiphon.checker.drift.flatten import Element, flatten
from antiphon.spec import catalogue, compose
from antiphon.spec.overlay import overlay

JSON = dict[str, Any]
Origin = Literal["sdk", "pin", "openapi"]


@dataclass(frozen=True, slots=True)
class Source:
    """A surface as it was read. `document` of an SDK has what it says itself, before overlay and errata."""

    label: str
    origin: Origin
    document: JSON
    raw: JSON | None = None
    """The OpenAPI document itself, where it is one."""


@dataclass(frozen=True, slots=True)
class Surface:
    """One side of a comparison."""

    label: str
    origin: Origin
    elements: dict[str, Element]


def load(name: str, cache: Path) -> Source:
    """`pin`, `installed`, a version, a wheel or an OpenAPI file (JSON). Raises `sdk.Unobtainable`."""
    if name == "pin":
        return Source(f"pin (openai {catalogue.VERSION})", "pin", json.loads(_text("pin.json")))
    if name == "installed":
        return _sdk(sdk.installed(), "installed ")
    path = Path(name)
    if path.suffix == ".whl" and path.is_file():
        return _sdk(sdk.from_wheel(path, cache), "wheel ")
    if path.is_file():
        return _openapi(path)
    if sdk.VERSION.fullmatch(name):
        return _sdk(sdk.fetched(name, cache), "")
    raise sdk.Unobtainable(f"{name} is no version, no file and neither `pin` nor `installed`")


def surfaces(old: Source, new: Source) -> tuple[Surface, Surface]:
    """Both sides' elements. An SDK says no limits or defaults: they come from the side that knows them."""
    sides: list[Surface] = []
    for one, other in ((old, new), (new, old)):
        document = one.document
        if one.origin == "sdk" and other.origin != "sdk":
            document = _completed(document, other)
        sides.append(Surface(one.label, one.origin, flatten(document)))
    return sides[0], sides[1]


def touched_by_errata() -> dict[str, str]:
    """`Type.field`, `Type` or `OPERATION place.field` that an erratum sets → what the erratum says."""
    found: dict[str, str] = {}
    for entry in json.loads(_text("errata.json"))["entries"]:
        changes: JSON = entry["set"]
        touched = [f"{name}.{field}" for name, fields in changes.get("types", {}).items() for field in fields]
        for name, places in changes.get("operations", {}).items():
            for place in ("query", "body"):
                touched += [f"{name} {place}.{field}" for field in places.get(place, {})]
            if "returns" in places:
                touched.append(places["returns"]["ref"])
        found |= dict.fromkeys(touched, str(entry["says"]))
    return found


def _sdk(surface: JSON, how: str) -> Source:
    return Source(f"{how}openai {surface['version']}", "sdk", surface)


def _openapi(path: Path) -> Source:
    try:
        raw = json.loads(path.read_bytes())
        info = raw["info"]
        return Source(
            f"{info['title']} {info['version']} ({path.name})", "openapi", openapi_reader.read(raw), raw
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise sdk.Unobtainable(f"{path} is no OpenAPI document in JSON: {exc!r}") from exc


def _completed(surface: JSON, other: Source) -> JSON:
    errata: JSON = json.loads(_text("errata.json"))
    laid_over: JSON = json.loads(_text("overlay.json"))
    if other.raw is not None:
        laid_over = overlay(surface, other.raw, date="")
        errata["entries"] = []
    document: JSON = json.loads(compose.compose(surface, laid_over, errata))
    for fields in document["types"].values():
        _drop_untyped(fields)
    for operation in document["operations"].values():
        for place in ("query", "body"):
            _drop_untyped(operation.get(place) or {})
    operations = document["operations"]
    document["operations"] = {name: one for name, one in operations.items() if "returns" in one}
    return document


def _drop_untyped(fields: JSON) -> None:
    """Takes away what an erratum says of a field that this version does not have."""
    for name in [name for name, field in fields.items() if "type" not in field]:
        del fields[name]


def _text(name: str) -> bytes:
    return resources.files("antiphon.spec").joinpath(name).read_bytes()

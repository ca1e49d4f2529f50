"""SARIF 2.1.0, the part of it that our logs use: nothing that is not listed, nothing required missing."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
BAG = {"type": "object", "properties": {"tags": {"type": "array", "items": TEXT, "uniqueItems": True}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
UTC = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
URI = {"type": "string", "pattern": r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$"}


def closed(required: str = "", **properties: Any) -> JSON:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def several(items: Any, **more: Any) -> JSON:
    return {"type": "array", "items": items, **more}


TEXTS = {"type": "object", "additionalProperties": TEXT}
MESSAGE = closed("text", text={"type": "string", "minLength": 1})
CONTENT = closed(text=TEXT)
RULE = closed(
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=closed(level=LEVEL),
    properties=BAG,
)
DRIVER = closed("name", name=TEXT, version=TEXT, semanticVersion=TEXT, rules=several(RULE, uniqueItems=True))
LOCATION = closed(
    physicalLocation=closed(
        artifactLocation=closed(uri=URI), region=closed(startLine={"type": "integer", "minimum": 1})
    ),
    logicalLocations=several(closed(fullyQualifiedName=TEXT, kind=TEXT), uniqueItems=True),
)
RESULT = closed(
    "message",
    ruleId=TEXT,
    ruleIndex=COUNT,
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level=LEVEL,
    message=MESSAGE,
    locations=several(LOCATION),
    partialFingerprints=TEXTS,
    occurrenceCount={"type": "integer", "minimum": 1},
    suppressions=several(
        closed("kind", kind={"enum": ["inSource", "external"]}, justification=TEXT), uniqueItems=True
    ),
    webRequest=closed(method=TEXT, target=TEXT, headers=TEXTS, body=CONTENT),
    webResponse=closed(
        statusCode={"type": "integer"},
        reasonPhrase=TEXT,
        headers=TEXTS,
        body=CONTENT,
        noResponseReceived={"type": "boolean"},
    ),
    properties=BAG,
)
RUN = closed(
    "tool results",
    tool=closed("driver", driver=DRIVER),
    invocations=several(
        closed("executionSuccessful", executionSuccessful={"type": "boolean"}, startTimeUtc=UTC)
    ),
    automationDetails=closed(id=TEXT),
    results=several(RESULT),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    properties=BAG,
)
LOG = closed("version runs", **{"$schema": URI, "version": {"const": "2.1.0"}, "runs": several(RUN)})

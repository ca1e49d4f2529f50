"""Frames of WebSocket mode: what a client may send, and how errors are told (SPEC.md D.1, G.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from antiphon.core.deltas import JSON
from antiphon.core.errors import ApiError, Invalid
from antiphon.http.body import parse_object
from antiphon.http.lanes import Create, LaneId
from antiphon.spec.validate import check_object

_STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Steer:
    """A `response.steer` frame, checked."""

    previous_response_id: str
    input: object


def parse_frame(text: str) -> Create | Steer:
    """A client's frame. Raises `Invalid`."""
    frame = parse_object(text.encode())
    match frame.get("type"):
        case "response.create":
            return _create(frame, len(text))
        case "response.steer":
            return _steer(frame)
        case kind:
            shown = kind[:100] if isinstance(kind, str) else msgspec.json.encode(kind).decode()[:100]
            raise Invalid(
                f"Invalid value: '{shown}'. Supported values are: 'response.create' and 'response.steer'.",
                param="type",
                code="invalid_value",
            )


def lane_of(text: str) -> LaneId:
    """The `stream_id` to echo with an error about a frame that was refused; None where there is none."""
    try:
        lane = parse_object(text.encode()).get("stream_id")
    except Invalid:
        return None
    return lane if isinstance(lane, str) and _STREAM_ID.fullmatch(lane) else None


def _create(frame: JSON, size: int) -> Create:
    lane = frame.pop("stream_id", None)
    if lane is not None and not (isinstance(lane, str) and _STREAM_ID.fullmatch(lane)):
        raise Invalid(
            "Invalid 'stream_id': 1 to 256 letters, digits, '_', '-' and '.' are allowed.",
            param="stream_id",
            code="invalid_stream_id",
        )
    generate = frame.pop("generate", True)
    if not isinstance(generate, bool):
        raise Invalid(
            "Invalid type for 'generate': expected a boolean.", param="generate", code="invalid_type"
        )
    if frame.pop("background", None):
        raise Invalid(
            "Unsupported parameter: 'background' is not used over WebSocket.",
            param="background",
            code="unsupported_parameter",
        )
    del frame["type"]
    frame["stream"] = True  # implied; it also lets `stream_options` pass
    return Create(lane, frame, generate, size)


def _steer(frame: JSON) -> Steer:
    for violation in check_object("ResponseSteerEventParam", frame):
        raise Invalid(violation.message, param=violation.param, code=violation.code)
    return Steer(frame["previous_response_id"], frame["input"])


def error_frame(error: ApiError, lane: LaneId) -> str:
    """The nested form (SPEC.md G.2). Headers such as `retry-after` travel inside the error."""
    detail = error.detail() | ({"headers": error.headers} if error.headers else {})
    frame: JSON = {"type": "error", "status": error.status, "error": detail}
    return _text(frame, lane)


def steer_failed(steer: Steer, lane: LaneId) -> str:
    """Steering is not served."""
    frame: JSON = {
        "type": "response.steer.failed",
        "sequence_number": 0,
        "steer": {"previous_response_id": steer.previous_response_id, "input": steer.input},
        "error": {
            "type": "invalid_request_error",
            "code": "steering_not_supported",
            "message": "This server does not steer responses that are under way.",
        },
    }
    return _text(frame, lane)


def event_text(data: bytes, lane: LaneId) -> str:
    """An event's JSON as a text frame, with the `stream_id` of its create."""
    if lane is None:
        return data.decode()
    return f'{data[:-1].decode()},"stream_id":"{lane}"}}'  # its letters need no escapes


def _text(frame: JSON, lane: LaneId) -> str:
    return _encode(frame if lane is None else {**frame, "stream_id": lane}).decode()

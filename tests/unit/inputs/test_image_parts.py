"""`input_image` parts and screenshots reach engines as checked data."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.inputs.samples import GIF, JPEG, WEBP, base64_of, data_url, png

from antiphon.config import FetchSettings, InputSettings
from antiphon.core.errors import ApiError, Unsupported
from antiphon.inputs.fetch import GuardedFetcher
from antiphon.inputs.resolve import InputResolver

PARAM = "input[0].content[0].image_url"
EXPECTED = (
    f"Invalid '{PARAM}'. Expected a base64-encoded data URL with an image MIME type "
    "(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got "
)


def resolver(**settings: Any) -> InputResolver:
    return InputResolver(GuardedFetcher(FetchSettings()), InputSettings(**settings))


def items(url: str | None, **more: Any) -> list[dict[str, Any]]:
    part = {"type": "input_image", "detail": "auto", "image_url": url, **more}
    return [{"type": "message", "role": "user", "content": [part]}]


async def refusal(given: list[dict[str, Any]], history: int = 0, **settings: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await resolver(**settings).resolve("t", given, history)
    return caught.value


@pytest.mark.parametrize(
    ("media_type", "data"),
    [("image/png", png()), ("image/jpeg", JPEG), ("image/gif", GIF), ("image/webp", WEBP)],
)
async def test_a_good_image_stays_as_it_is(media_type: str, data: bytes) -> None:
    given = items(data_url(media_type, data))
    resolved = await resolver().resolve("t", given)
    assert resolved[0] is given[0]


@pytest.mark.parametrize("claimed", ["image/jpg", "image/jpeg", "IMAGE/JPEG", "image/x-png"])
async def test_the_media_type_is_what_the_bytes_show(claimed: str) -> None:
    resolved = await resolver().resolve("t", items(data_url(claimed, png())))
    assert resolved == tuple(items(data_url("image/png", png())))


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("data:image/png;base64,", "empty_image_file", EXPECTED + "empty base64-encoded bytes."),
        ("data:image/png,abc", "invalid_base64_image", EXPECTED + "an invalid base64-encoded value."),
        ("data:image/png;base64", "invalid_base64_image", EXPECTED + "an invalid base64-encoded value."),
        (
            "data:image/png;base64,%89PNG",
            "invalid_base64_image",
            EXPECTED + "an invalid base64-encoded value.",
        ),
        (
            "data:image/png;base64,iVBORw0K=G",
            "invalid_base64_image",
            EXPECTED + "an invalid base64-encoded value.",
        ),
        (
            "data:image/png;base64,iVBORw0KGgoé",
            "invalid_base64_image",
            EXPECTED + "an invalid base64-encoded value.",
        ),
        (
            data_url("application/pdf", b"%PDF-1.4"),
            "unsupported_image_media_type",
            EXPECTED + "unsupported MIME type 'application/pdf'.",
        ),
        (data_url("", png()), "unsupported_image_media_type", EXPECTED + "unsupported MIME type ''."),
    ],
)
async def test_data_that_is_no_image_is_refused_as_recorded(url: str, code: str, message: str) -> None:
    refused = await refusal(items(url))
    assert refused.status == 400
    assert refused.detail() == {
        "message": message,
        "type": "invalid_request_error",
        "param": PARAM,
        "code": code,
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"hello, this is no image", "image_parse_error"),
        (b"\x89PNG", "image_parse_error"),
        (b"RIFF\0\0\0\0WAVE", "image_parse_error"),
        (b"%PDF-1.4", "image_parse_error"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_image_media_type"),
        (b"BM" + b"\0" * 60, "unsupported_image_media_type"),
        (b"II*\0" + b"\0" * 60, "unsupported_image_media_type"),
        (b"\0\0\0\x20ftypavif" + b"\0" * 60, "unsupported_image_media_type"),
        (b"\0\0\0\x20ftypheic" + b"\0" * 60, "unsupported_image_media_type"),
    ],
)
async def test_bytes_of_another_format_are_refused(data: bytes, code: str) -> None:
    refused = await refusal(items(data_url("image/png", data)))
    assert (refused.status, refused.code, refused.param) == (400, code, PARAM)
    assert refused.message.startswith("The image data you provided does not represent a valid image.")


async def test_the_size_limit_is_exact() -> None:
    size = len(png(50, 50))
    assert await resolver(max_image_bytes=size).resolve("t", items(data_url("image/png", png(50, 50))))
    refused = await refusal(items(data_url("image/png", png(50, 50) + b"xyz")), max_image_bytes=size)
    assert (refused.code, refused.param) == ("image_file_too_large", PARAM)


@pytest.mark.parametrize("missing", [None, ""])
async def test_an_image_needs_a_source(missing: str | None) -> None:
    refused = await refusal(items(missing, file_id=None))
    assert (refused.code, refused.param) == ("missing_required_parameter", PARAM)


async def test_a_file_id_is_not_served() -> None:
    refused = await refusal(items(None, file_id="file_123"))
    assert type(refused) is Unsupported
    assert refused.param == "input[0].content[0].file_id"


async def test_screenshots_are_checked_too() -> None:
    def output(url: str) -> list[dict[str, Any]]:
        shot = {"type": "computer_screenshot", "image_url": url}
        return [{"type": "computer_call_output", "call_id": "call_1", "output": shot}]

    good = output(data_url("image/png", png()))
    assert (await resolver().resolve("t", good))[0] is good[0]
    resolved = await resolver().resolve("t", output(data_url("image/jpeg", png())))
    assert resolved == tuple(good)
    refused = await refusal(output("data:image/png;base64,"))
    assert (refused.code, refused.param) == ("empty_image_file", "input[0].output.image_url")


async def test_images_of_earlier_requests_are_not_decoded_whole_again() -> None:
    broken_later = "data:image/png;base64," + base64_of(png(50, 50))[:100] + "@@@@"
    given = items(broken_later)
    assert (await refusal(given)).code == "invalid_base64_image"
    assert (await resolver().resolve("t", given, history=1))[0] is given[0]
    assert (await refusal(items("data:image/png;base64,"), history=1)).param == "input"

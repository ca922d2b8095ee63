"""Fields of a request's JSON body, checked for their type."""

from __future__ import annotations

from typing import Any, Final

from perdure.testing.scripted_model.api_errors import bad_request
from perdure.testing.scripted_model.conversation import IMAGE, digest_of

_TEXT_PARTS: Final = {"text", "input_text", "output_text", "refusal"}
_ATTACHMENTS: Final = {
    "image_url": IMAGE,
    "input_image": IMAGE,
    "file": "file",
    "input_file": "file",
    "input_audio": "audio",
}


def text_of(body: dict[str, Any], key: str) -> str:
    """Return a text.

    Raises:
        ApiError: It is missing, or not a text.
    """
    value = body.get(key)
    if not isinstance(value, str):
        raise bad_request(f"{key!r} must be a text, got {_shown(value)}")
    return value


def object_of(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an object; an empty one if it is missing.

    Raises:
        ApiError: It is something else.
    """
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise bad_request(f"{key!r} must be an object, got {_shown(value)}")
    return value


def list_of(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of objects; an empty one if it is missing.

    Raises:
        ApiError: It is something else.
    """
    value = body.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_request(f"{key!r} must be a list of objects, got {_shown(value)}")
    return value


def content_of(content: object) -> tuple[str, tuple[str, ...]]:
    """Return the text of a message's content, and its attachments as kind and digest.

    Raises:
        ApiError: It has a part of an unknown type.
    """
    if content is None or isinstance(content, str):
        return content or "", ()
    parts = list_of({"content": content}, "content")
    text = "".join(_text_of_part(part) for part in parts if part.get("type") in _TEXT_PARTS)
    others = [part for part in parts if part.get("type") not in _TEXT_PARTS]
    return text, tuple(_attachment(part) for part in others)


def _text_of_part(part: dict[str, Any]) -> str:
    return text_of(part, "refusal" if part["type"] == "refusal" else "text")


def _attachment(part: dict[str, Any]) -> str:
    kind = _ATTACHMENTS.get(str(part.get("type")))
    if kind is None:
        raise bad_request(f"no content of type {part.get('type')!r} is known to it")
    return f"{kind}:{digest_of(part)}"


def _shown(value: object) -> str:
    return "nothing" if value is None else type(value).__name__

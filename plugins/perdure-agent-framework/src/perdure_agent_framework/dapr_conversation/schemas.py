"""Structured output: what daprd can say of a JSON schema to a model.

daprd rebuilds the schema from few keywords. One that it does not understand makes it go on without
any, with no more than a line in its log, so what it would not understand is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from perdure_agent_framework.dapr_conversation.errors import DaprRequestError

_TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_DEFAULT_NAME: Final = "response"


def response_format_of(asked: object, *, component: str) -> dict[str, Any] | None:
    """Return what a request says of the answer's form; ``None`` if nothing was asked.

    Args:
        asked: The option ``response_format``: a pydantic model, a JSON schema, or OpenAI's
            ``{"type": "json_schema", "json_schema": {"name": …, "schema": …}}``.
        component: For errors.

    Raises:
        DaprRequestError: A form that daprd cannot pass on.
    """
    if asked is None:
        return None
    name, schema = _named_schema(asked, component)
    flat = _Flattening(schema, component)
    result = flat.of(schema, path="")
    if result["type"] != "object":
        raise DaprRequestError("response_format must be of type object", component=component)
    return {"name": name, **result, "strict": flat.is_strict}


def _named_schema(asked: object, component: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(asked, type) and issubclass(asked, BaseModel):
        return asked.__name__, asked.model_json_schema()
    if isinstance(asked, Mapping):
        inner = asked.get("json_schema") if asked.get("type") == "json_schema" else None
        if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):
            return str(inner.get("name") or _DEFAULT_NAME), inner["schema"]
        if asked.get("type") in _TYPES:
            return str(asked.get("title") or _DEFAULT_NAME), asked
    problem = "response_format must be a pydantic model or a JSON schema of type object"
    raise DaprRequestError(problem, component=component)


class _Flattening:
    """Rewrites one schema in the keywords that daprd knows.

    Attributes:
        is_strict: Whether every property is required, without which OpenAI refuses ``strict``.
    """

    def __init__(self, root: Mapping[str, Any], component: str) -> None:
        self._root = root
        self._component = component
        self._open: list[str] = []
        self.is_strict = True

    def of(self, schema: Mapping[str, Any], *, path: str) -> dict[str, Any]:
        """Return a part of the schema; ``path`` says which, for errors."""
        if isinstance(reference := schema.get("$ref"), str):
            return self._referenced(reference, path)
        kind = schema.get("type")
        if not isinstance(kind, str) or kind not in _TYPES:
            raise self._refusal(path, f"has no single type ({', '.join(sorted(schema))})")
        result: dict[str, Any] = {"type": kind}
        if description := schema.get("description"):
            result["description"] = description
        if values := schema.get("enum"):
            if not all(isinstance(value, str) for value in values):
                raise self._refusal(path, "lists values that are not text")
            result["enum"] = values
        if kind == "object":
            result |= self._object(schema, path)
        elif kind == "array":
            if not isinstance(items := schema.get("items"), Mapping):
                raise self._refusal(path, "does not say what is in the list")
            result["items"] = self.of(items, path=f"{path}[]")
        return result

    def _object(self, schema: Mapping[str, Any], path: str) -> dict[str, Any]:
        properties = schema.get("properties")
        if not properties or not isinstance(properties, Mapping):
            raise self._refusal(path, "is an object whose properties are not named")
        required = [name for name in schema.get("required", ()) if name in properties]
        self.is_strict = self.is_strict and len(required) == len(properties)
        parts = {}
        for name, part in properties.items():
            inner = part if name in required else _without_null(part)
            parts[name] = self.of(inner, path=f"{path}.{name}" if path else name)
        return {"properties": parts, "required": required, "additionalProperties": False}

    def _referenced(self, reference: str, path: str) -> dict[str, Any]:
        if reference in self._open:
            raise self._refusal(path, "contains itself")
        target: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            target = target.get(step) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            raise self._refusal(path, f"refers to {reference}, which is not there")
        self._open.append(reference)
        try:
            return self.of(target, path=path)
        finally:
            self._open.pop()

    def _refusal(self, path: str, problem: str) -> DaprRequestError:
        where = f"{path!r} of response_format" if path else "response_format"
        return DaprRequestError(
            f"{where} {problem}, which Dapr cannot pass on to the model; write it as objects with "
            "named properties, lists and plain types, optional ones with a default",
            component=self._component,
        )


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``X`` of ``X | None``: what may be left out is not missed as a null."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return options[0] if len(options) == 1 else schema

"""The form that a model's answer must have, as JSON: a class by reference, or what it demands."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from perdure_agent_framework.references import reference_to, resolve


def format_to_json(response_format: Any) -> dict[str, Any] | None:
    """Return a class that answers are read as, or ``None`` if ``response_format`` is none."""
    if not isinstance(response_format, type) or not issubclass(response_format, BaseModel):
        return None
    reference = reference_to(response_format)
    if reference is not None:
        return {"class": reference}
    return {"model": response_format.__name__, "schema": response_format.model_json_schema()}


def format_from_json(data: dict[str, Any]) -> Any:
    """Return the class of :func:`format_to_json`, or a stand-in that demands the same.

    Raises:
        AgentNotRegisteredError: This process cannot import the class.
    """
    return resolve(data["class"]) if "class" in data else _stand_in(data["model"], data["schema"])


def _stand_in(name: str, schema: dict[str, Any]) -> type[BaseModel]:
    # Clients make more of a class than of a schema, each in its own way, so they are given one. It
    # only has to tell the schema: what came is read in the workflow, which has the class itself.
    made: type[BaseModel] = create_model(name, __base__=_Carried)
    made.carried_schema = schema  # type: ignore[attr-defined]  # of _Carried, which mypy lost
    return made


class _Carried(BaseModel):
    """Any object; its schema is another class's."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        """Return the schema of the class that this one stands in for."""
        schema: dict[str, Any] = vars(cls)["carried_schema"]
        return schema

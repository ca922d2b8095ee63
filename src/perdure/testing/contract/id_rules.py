"""Id rules: every id and name that the rules allow works, every other one is refused at once."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()

_LONG_NAME = "id_rules.Workflow-" + "x" * 82
_ACTIVITY_NAME = "id_rules.Activity-" + "y" * 82


@registry.activity(name=_ACTIVITY_NAME)
async def say(word: str) -> str:
    """Return the word."""
    return word


@registry.workflow(name=_LONG_NAME)
async def echo(word: str) -> str:
    """Return the word."""
    return await say(word)


@registry.workflow(name="id_rules_wait")
async def wait() -> str:
    """Wait for the event ``go``."""
    return await perdure.wait_for_event("go", str)


class IdRules(Contract):
    """Ids and names."""

    registry = registry

    @pytest.mark.parametrize("form", ["{0:.1}", "{0:.63}-", "-{0:.62}_", "_{0:.3}", "{0:.1}-" * 32])
    def test_every_allowed_shape_of_id_works(self, backend_hub: BackendHub, form: str) -> None:
        letters = backend_hub.new_id("Az")[:1] + string.ascii_letters + string.digits
        instance_id = form.format(letters)[:64]
        handle = backend_hub.start(
            echo, "hello", instance_id=instance_id, if_exists="replace_finished"
        )
        assert backend_hub.result(handle) == "hello"
        assert handle.info().instance_id == instance_id

    def test_ids_that_differ_in_case_are_different(self, backend_hub: BackendHub) -> None:
        instance_id = backend_hub.new_id("case")
        lower = backend_hub.start(echo, "lower", instance_id=instance_id.lower())
        upper = backend_hub.start(echo, "upper", instance_id=instance_id.upper())
        assert backend_hub.result(lower) == "lower"
        assert backend_hub.result(upper) == "upper"

    @pytest.mark.parametrize(
        "instance_id", ["", "x" * 65, "a b", "a/b", "a.b", "a:b", "ä", "a\n", "@a@b", "a\0"]
    )
    def test_any_other_id_is_refused_before_any_call(
        self, backend_hub: BackendHub, instance_id: str
    ) -> None:
        with pytest.raises(perdure.InvalidInstanceIdError):
            backend_hub.start(echo, "hello", instance_id=instance_id)
        with pytest.raises(perdure.InvalidInstanceIdError):
            backend_hub.client.get(echo, instance_id)

    @pytest.mark.parametrize("name", ["", "x" * 65, "Go", "a b", "a/b", "ä", "perdure.cancel"])
    def test_event_names_outside_the_rules_are_refused(
        self, backend_hub: BackendHub, name: str
    ) -> None:
        handle = backend_hub.start(wait)
        with pytest.raises(perdure.InvalidNameError):
            handle.raise_event(name, "x")
        handle.raise_event("go", "on")
        assert backend_hub.result(handle) == "on"

    def test_an_id_is_made_up_where_none_is_given(self, backend_hub: BackendHub) -> None:
        handles = [backend_hub.client.start(echo, "hello") for _ in range(2)]
        assert handles[0].instance_id != handles[1].instance_id
        assert [backend_hub.result(handle) for handle in handles] == ["hello", "hello"]

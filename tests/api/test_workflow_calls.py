"""Workflows as children: called, started by hand, and refused where no workflow runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure import ChildHandle, InvalidInstanceIdError, InvalidNameError, Registry
from perdure.spi.history import ActivityScheduled, ChildStarted
from tests.api.driving import Run

registry = Registry()


@dataclass(frozen=True)
class Receipt:
    amount: int


@registry.activity
async def charge(amount: int) -> Receipt:
    return Receipt(amount)


@registry.workflow(name="pay-out", patches=("reserve",))
async def pay_out(amount: int, *, currency: str = "NOK") -> Receipt:
    """Pay."""
    return await charge(amount)


def test_calling_outside_a_workflow_says_what_to_do_instead() -> None:
    with pytest.raises(perdure.NotInWorkflowError) as caught:
        _ = pay_out(3)

    for part in ("'pay-out'", "client.start(pay_out", "pay_out.local("):
        assert part in str(caught.value)


def test_calling_in_an_ordinary_loop_is_refused_as_well() -> None:
    async def main() -> None:
        await pay_out(3)

    with pytest.raises(perdure.NotInWorkflowError):
        asyncio.run(main())


def test_arguments_are_checked_before_the_place() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'amount'"):
        _ = pay_out()  # type: ignore[call-arg]


def test_local_runs_the_plain_function() -> None:
    assert asyncio.run(pay_out.local(3)) == Receipt(3)


def test_definition_carries_name_and_patches() -> None:
    definition = pay_out.definition()

    assert (definition.name, definition.patches) == ("pay-out", ("reserve",))
    assert repr(pay_out) == "<workflow 'pay-out'>"
    assert pay_out.__doc__ == "Pay."


def test_run_takes_and_gives_json() -> None:
    run = Run(pay_out, '{"amount": 3}')

    run.complete(1, '{"amount": 4}')

    assert run.result == '{"amount":4}'
    assert run.rebuild().outcome == run.executor.outcome


@pytest.mark.parametrize(
    "arguments", ["{}", '{"amount": "x"}', '{"amount": 1, "other": 2}', "[1]", "", "nonsense"]
)
def test_unfit_input_fails_the_run_and_names_the_workflow(arguments: str) -> None:
    run = Run(pay_out, arguments)

    assert run.failure.type == "perdure.errors.PayloadError"
    assert "workflow 'pay-out'" in run.failure.message
    assert not run.commands(ActivityScheduled)


def test_unfit_result_fails_the_run_and_names_the_workflow() -> None:
    @Registry().workflow
    async def wrong() -> int:
        return "text"  # type: ignore[return-value]

    run = Run(wrong)

    assert run.failure.type == "perdure.errors.PayloadError"
    assert "result of workflow 'wrong'" in run.failure.message


def test_called_in_a_workflow_it_is_a_child() -> None:
    @Registry().workflow
    async def parent() -> int:
        first, second = await asyncio.gather(pay_out(1), pay_out(2, currency="EUR"))
        return first.amount + second.amount

    run = Run(parent)
    run.complete_child(2, '{"amount": 20}')
    run.complete_child(1, '{"amount": 10}')

    started = run.commands(ChildStarted)
    assert [it.workflow for it in started] == ["pay-out", "pay-out"]
    assert [it.arguments for it in started] == ['{"amount":1}', '{"amount":2,"currency":"EUR"}']
    assert run.result == "30"
    assert run.rebuild().outcome == run.executor.outcome


def test_with_options_calls_another_name() -> None:
    @Registry().workflow
    async def parent() -> int:
        return (await pay_out.with_options(name="pay-out-eu")(1)).amount

    (started,) = Run(parent).commands(ChildStarted)

    assert started.workflow == "pay-out-eu"
    with pytest.raises(InvalidNameError):
        pay_out.with_options(name="a b")


def test_started_child_has_a_handle_with_its_id_and_typed_result() -> None:
    @Registry().workflow
    async def parent() -> str:
        child: ChildHandle[Receipt] = perdure.start_child(
            pay_out.bind(7), instance_id="pay-17", on_parent_end="abandon"
        )
        first, second = await asyncio.gather(child.result(), child.result())
        assert first == second
        return f"{child.instance_id} {first.amount}"

    run = Run(parent)
    run.complete_child(1, '{"amount": 7}')

    (started,) = run.commands(ChildStarted)
    assert (started.instance_id, started.on_parent_end) == ("pay-17", "abandon")
    assert run.result == '"pay-17 7"'


def test_started_child_without_an_id_gets_one_of_the_parents() -> None:
    @Registry().workflow
    async def parent() -> str:
        return perdure.start_child(pay_out.bind(7)).instance_id

    run = Run(parent)

    assert run.result.startswith('"trip-1-')
    assert run.rebuild().outcome == run.executor.outcome


def test_giving_up_the_wait_leaves_the_handle_usable() -> None:
    @Registry().workflow
    async def parent() -> int:
        child = perdure.start_child(pay_out.bind(7))
        try:
            async with asyncio.timeout(10):
                await child.result()
        except TimeoutError:
            return (await child.result()).amount
        return 0

    run = Run(parent)
    run.advance(11)
    run.complete_child(1, '{"amount": 7}')

    assert run.result == "7"


def test_result_of_a_child_must_fit_its_declared_type() -> None:
    @Registry().workflow
    async def parent() -> int:
        return (await pay_out(1)).amount

    run = Run(parent)
    run.complete_child(1, '{"sum": 7}')

    assert "result of workflow 'pay-out'" in run.failure.message


UNFIT: list[tuple[Any, dict[str, Any], type[BaseException], str]] = [
    (lambda: charge.bind(1), {}, TypeError, "'charge' is an activity"),
    (lambda: pay_out, {}, TypeError, r"my_workflow\.bind\(…\), not Workflow"),
    (lambda: pay_out.bind(1), {"instance_id": "a/b"}, InvalidInstanceIdError, "a/b"),
    (lambda: pay_out.bind(1), {"instance_id": ""}, InvalidInstanceIdError, "1 to 64"),
    (lambda: pay_out.bind(1), {"instance_id": "x" * 65}, InvalidInstanceIdError, "65 characters"),
    (lambda: pay_out.bind(1), {"on_parent_end": "forget"}, ValueError, "'terminate' or 'abandon'"),
    (lambda: pay_out.bind(1), {}, perdure.NotInWorkflowError, r"client\.start"),
]


@pytest.mark.parametrize(("make_call", "options", "error", "match"), UNFIT)
def test_start_child_refuses_what_it_cannot_start(
    make_call: Any, options: dict[str, Any], error: type[BaseException], match: str
) -> None:
    with pytest.raises(error, match=match):
        perdure.start_child(make_call(), **options)


def test_unfit_argument_of_a_child_fails_the_parent_and_starts_nothing() -> None:
    @Registry().workflow
    async def parent() -> None:
        perdure.start_child(pay_out.bind("much"))  # type: ignore[arg-type]

    run = Run(parent)

    assert "argument 'amount' of workflow 'pay-out'" in run.failure.message
    assert not run.commands(ChildStarted)


def test_durable_calls_of_one_definition_do_not_mix_runs() -> None:
    first, second = Run(pay_out, '{"amount": 1}'), Run(pay_out, '{"amount": 2}')

    second.complete(1, '{"amount": 20}')
    first.complete(1, '{"amount": 10}')

    assert (first.result, second.result) == ('{"amount":10}', '{"amount":20}')


def test_options_of_activities_are_no_options_of_workflows() -> None:
    with pytest.raises(TypeError):
        pay_out.with_options(timeout=timedelta(seconds=1))  # type: ignore[call-arg]

"""What a start asks of the scheduler, and what it makes of answers that leave doubts."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import BackendUnavailableError, InstanceAlreadyExistsError, PayloadTooLargeError
from perdure.clock import SystemClock
from perdure.spi import StartRequest
from perdure.spi.remote.attempts import NoAnswerError
from perdure_azure import sdk
from perdure_azure.faults import TakenError
from perdure_azure.foreign_payloads import open_foreign_payloads
from perdure_azure.scheduler import Scheduler
from perdure_azure.starting import Starter

REQUEST = StartRequest(workflow="trip", instance_id="trip-1", arguments="{}")


class Answering:
    """A connection on which the test says what each start is answered with."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.starts: list[Any] = []
        self.stored: Any = None

    async def call(self, method: str, request: Any, **options: Any) -> Any:
        if method == "GetInstance":
            return sdk.pb.GetInstanceResponse(
                exists=self.stored is not None, orchestrationState=self.stored
            )
        assert method == "StartInstance"
        self.starts.append(request)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return None

    def store(self, status: int, text: str = "{}") -> None:
        self.stored = sdk.pb.OrchestrationState(
            instanceId="trip-1", name="trip", orchestrationStatus=status
        )
        self.stored.input.value = text


def starter_on(connection: Answering) -> Starter:
    pretended: Any = connection
    scheduler = Scheduler(pretended, open_foreign_payloads(variables={}))
    return Starter(scheduler, clock=SystemClock())


def lost() -> NoAnswerError:
    return NoAnswerError(backend="azure", problem="it went away", was_sent=True)


def replaceable(request: Any) -> set[int]:
    return set(request.orchestrationIdReusePolicy.replaceableStatus)


async def test_a_start_names_what_it_may_replace_even_where_that_is_nothing() -> None:
    connection = Answering()
    await starter_on(connection).start(REQUEST)
    # An absent policy leaves it to the scheduler, which might replace what has finished.
    assert connection.starts[0].HasField("orchestrationIdReusePolicy")
    assert replaceable(connection.starts[0]) == set()


async def test_replacing_a_finished_instance_never_replaces_one_that_runs() -> None:
    connection = Answering()
    replacing = StartRequest(
        workflow="trip", instance_id="trip-1", arguments="{}", if_exists="replace_finished"
    )
    await starter_on(connection).start(replacing)
    named = replaceable(connection.starts[0])
    assert sdk.pb.ORCHESTRATION_STATUS_COMPLETED in named
    assert sdk.pb.ORCHESTRATION_STATUS_FAILED in named
    running = (
        sdk.pb.ORCHESTRATION_STATUS_RUNNING,
        sdk.pb.ORCHESTRATION_STATUS_PENDING,
        sdk.pb.ORCHESTRATION_STATUS_SUSPENDED,
    )
    assert named.isdisjoint(running)


async def test_a_start_whose_answer_was_lost_is_not_made_twice() -> None:
    connection = Answering(lost())
    starter = starter_on(connection)

    async def call(method: str, request: Any, **options: Any) -> Any:
        if method == "StartInstance":
            connection.store(sdk.pb.ORCHESTRATION_STATUS_COMPLETED, request.input.value)
        return await Answering.call(connection, method, request, **options)

    object.__setattr__(connection, "call", call)
    starter = starter_on(connection)
    info = await starter.start(REQUEST)
    assert info.run_id
    assert len(connection.starts) == 1


async def test_a_start_that_did_not_arrive_is_made_again() -> None:
    connection = Answering(lost(), lost())
    info = await starter_on(connection).start(REQUEST)
    assert len(connection.starts) == 3
    texts = {request.input.value for request in connection.starts}
    assert len(texts) == 1
    assert info.run_id in texts.pop()


async def test_a_taken_id_is_an_error_or_the_instance_as_asked_for() -> None:
    connection = Answering(TakenError("taken"), TakenError("taken"))
    connection.store(sdk.pb.ORCHESTRATION_STATUS_RUNNING)
    starter = starter_on(connection)
    with pytest.raises(InstanceAlreadyExistsError, match="trip-1"):
        await starter.start(REQUEST)
    attaching = StartRequest(
        workflow="trip", instance_id="trip-1", arguments="{}", if_exists="attach"
    )
    assert (await starter.start(attaching)).instance_id == "trip-1"


async def test_an_id_that_is_taken_and_gone_again_and_again_ends_in_an_error() -> None:
    connection = Answering(*(TakenError("taken") for _ in range(3)))
    with pytest.raises(BackendUnavailableError, match="comes and goes"):
        await starter_on(connection).start(REQUEST)


async def test_an_input_over_the_limit_is_refused_before_any_call() -> None:
    connection = Answering()
    large = StartRequest(
        workflow="trip", instance_id="trip-1", arguments=f'{{"a":"{"x" * 2**20}"}}'
    )
    with pytest.raises(PayloadTooLargeError, match="PERDURE_PAYLOADS"):
        await starter_on(connection).start(large)
    assert connection.starts == []


async def test_tags_that_the_scheduler_takes_go_along_and_others_stay_inside() -> None:
    connection = Answering()
    starter = starter_on(connection)
    for tags in ({"customer": "7"}, {"durabletask.x": "1"}, {"long": "x" * 1_000}):
        request = StartRequest(workflow="trip", instance_id="trip-1", arguments="{}", tags=tags)
        await starter.start(request)
    assert [dict(each.tags) for each in connection.starts] == [{"customer": "7"}, {}, {}]
    assert all('"tags"' in each.input.value for each in connection.starts)

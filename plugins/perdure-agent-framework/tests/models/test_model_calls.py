"""Attempts, waits and fallbacks of model calls, over HTTP and on a clock that the tests move."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import tool

import perdure
from models.asking import agent_of, app_asking, client_of
from perdure import RetryPolicy, WorkflowFailedError
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.policies import Budget, ModelPolicy, Policies
from perdure_agent_framework.registration import register
from perdure_agent_framework.spending import ModelUsage, Usage

if TYPE_CHECKING:
    from perdure.testing import Environment

FAST = RetryPolicy(max_attempts=4, initial_interval=timedelta(seconds=1), backoff=2)


def requests(model: ScriptedModel) -> list[Any]:
    return [(record.model, record.outcome) for record in model.requests()]


async def ask(env: Environment, *, seconds: float = 0, question: str = "hi") -> str:
    """Ask, letting so much time pass."""
    handle = await env.client.start("ask", question)
    await env.advance(seconds=seconds)
    return str(await handle.result())


async def failure_of(asked: Any) -> perdure.Failure:
    with pytest.raises(WorkflowFailedError) as caught:
        await asked
    return caught.value.failure


def policies(**policy: Any) -> Policies:
    return Policies(model=ModelPolicy(**{"retry": FAST, **policy}))


async def test_busy_and_broken_services_are_tried_again_after_the_policys_intervals() -> None:
    rules = [
        when().fails(503, times=1),
        when().drops(times=1),
        when().fails(500, times=1),
        when().says("hello"),
    ]
    async with ScriptedModel(rules) as model:
        app = app_asking(agent_of(client_of(model.url)), policies())
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            seen = []
            for seconds in (0, 0.9, 0.1, 1.9, 0.1, 3.9, 0.1):
                await env.advance(seconds=seconds)
                seen.append(len(model.requests()))
            assert seen == [1, 1, 2, 2, 3, 3, 4]
            assert await handle.result() == "hello"


async def test_retry_after_is_waited_for_by_a_durable_timer() -> None:
    rules = [when().fails(429, retry_after=90, times=1), when().says("hello")]
    async with ScriptedModel(rules) as model:
        app = app_asking(agent_of(client_of(model.url)), policies())
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            await env.advance(seconds=89)
            assert len(model.requests()) == 1
            await env.advance(seconds=1)
            assert await handle.result() == "hello"


async def test_a_shorter_retry_after_does_not_shorten_the_policys_interval() -> None:
    rules = [when().fails(429, retry_after=0, times=1), when().says("hello")]
    async with ScriptedModel(rules) as model:
        app = app_asking(agent_of(client_of(model.url)), policies())
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask", "hi")
            await env.advance(seconds=0.5)
            assert len(model.requests()) == 1
            await env.advance(seconds=0.5)
            assert await handle.result() == "hello"


async def test_a_service_that_wants_hours_is_not_waited_for() -> None:
    async with ScriptedModel([when().fails(429, retry_after=3601)]) as model:
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policies())) as env:
            failure = await failure_of(ask(env))
        assert "rate_limited, 1 attempt" in failure.message


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (when().fails(401), "authentication"),
        (when().fails(429, code="insufficient_quota"), "quota"),
        (when().fails(400, code="context_length_exceeded"), "context_length"),
        (when().fails(400, code="content_filter"), "content_filter"),
        (when().fails(404), "invalid_request"),
    ],
)
async def test_what_cannot_get_better_ends_at_once(fault: Rule, kind: str) -> None:
    async with ScriptedModel([fault]) as model:
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policies())) as env:
            failure = await failure_of(ask(env))
        assert failure.type == "perdure_agent_framework.errors.ModelCallError"
        assert f"model 'a' did not answer ({kind}, 1 attempt)" in failure.message
        assert len(model.requests()) == 1


async def test_attempts_are_used_up_and_counted() -> None:
    async with ScriptedModel([when().fails(500)]) as model:
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policies())) as env:
            failure = await failure_of(ask(env, seconds=7))
        assert "server_error, 4 attempts" in failure.message
        assert len(model.requests()) == 4


async def test_a_wait_for_another_attempt_ends_with_the_runs_time() -> None:
    minute = Budget(wall_clock=timedelta(minutes=1))
    async with ScriptedModel([when().fails(429, retry_after=1800)]) as model:
        app = app_asking(agent_of(client_of(model.url)), replace(policies(), budget=minute))
        async with run_in_memory(app) as env:
            failure = await failure_of(ask(env, seconds=60))
        assert failure.type == "perdure_agent_framework.errors.BudgetExceededError"
        assert len(model.requests()) == 1


async def test_a_model_that_wants_more_time_than_the_run_has_is_given_up_for_a_fallback() -> None:
    rules = [
        when(model="scripted-model").fails(429, retry_after=1800),
        when(model="scripted-model-b").says("b speaks"),
    ]
    async with ScriptedModel(rules) as model:
        short = replace(with_fallbacks(model, "b"), budget=Budget(wall_clock=timedelta(minutes=1)))
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), short)) as env:
            assert await ask(env) == "b speaks"
        assert requests(model) == [("scripted-model", "429"), ("scripted-model-b", "answer")]


async def test_retry_policys_other_limits_hold() -> None:
    hasty = RetryPolicy(
        max_attempts=9, initial_interval=timedelta(seconds=10), timeout=timedelta(seconds=15)
    )
    strict = RetryPolicy(max_attempts=9, non_retryable=("openai.InternalServerError",))
    for retry, attempts in ((hasty, 2), (strict, 1)):
        async with ScriptedModel([when().fails(500)]) as model:
            app = app_asking(agent_of(client_of(model.url)), policies(retry=retry))
            async with run_in_memory(app) as env:
                await failure_of(ask(env, seconds=60))
            assert len(model.requests()) == attempts


async def test_a_model_that_hangs_is_given_up_at_the_timeout_and_tried_again() -> None:
    rules = [when().hangs(times=1), when().says("hello")]
    async with ScriptedModel(rules) as model:
        policy = policies(timeout=timedelta(milliseconds=200))
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            assert await ask(env, seconds=1) == "hello"
        assert len(model.requests()) == 2


async def test_the_detail_of_a_timeout_says_how_long_it_was() -> None:
    async with ScriptedModel([when().hangs()]) as model:
        policy = policies(timeout=timedelta(milliseconds=100), retry=RetryPolicy.none())
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            failure = await failure_of(ask(env))
        assert "timeout, 1 attempt): TimeoutError: no answer within 0.1 s" in failure.message


async def test_clients_own_retries_are_off_in_activities_and_on_elsewhere() -> None:
    rules = [when().fails(500, times=2, retry_after=0.001), when().says("hello")]
    async with ScriptedModel(rules) as model:
        client = client_of(model.url, max_retries=2)
        agent = agent_of(client)
        once = policies(retry=RetryPolicy.none())
        async with run_in_memory(app_asking(agent, once)) as env:
            await failure_of(ask(env))
        assert len(model.requests()) == 1
        assert (await agent.run("hi")).text == "hello"
        assert len(model.requests()) == 3
        assert client.client.max_retries == 2
        assert type(client.client).__name__ == "AsyncOpenAI"


def with_fallbacks(model: ScriptedModel, *names: str, **policy: Any) -> Policies:
    clients = tuple(client_of(model.url, model=f"scripted-model-{name}") for name in names)
    return policies(fallbacks=clients, **policy)


async def test_fallback_after_so_many_failed_attempts() -> None:
    rules = [
        when(model="scripted-model").fails(503),
        when(model="scripted-model-b").says("b speaks"),
    ]
    async with ScriptedModel(rules) as model:
        policy = with_fallbacks(model, "b", fallback_after=2)
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            assert await ask(env, seconds=1) == "b speaks"
        assert [name for name, _ in requests(model)] == [
            "scripted-model",
            "scripted-model",
            "scripted-model-b",
        ]


async def test_no_more_attempts_than_the_policy_has_before_a_fallback() -> None:
    rules = [
        when(model="scripted-model").fails(503),
        when(model="scripted-model-b").says("b speaks"),
    ]
    async with ScriptedModel(rules) as model:
        policy = with_fallbacks(model, "b")
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            assert await ask(env, seconds=7) == "b speaks"
        assert len(model.requests()) == 5


@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key"])
async def test_a_service_that_refuses_the_account_is_left_at_once(code: str) -> None:
    rules = [
        when(model="scripted-model").fails(429, code=code),
        when(model="scripted-model-b").says("b speaks"),
    ]
    async with ScriptedModel(rules) as model:
        policy = with_fallbacks(model, "b")
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            assert await ask(env) == "b speaks"


async def test_a_bad_request_is_not_taken_to_a_fallback() -> None:
    rules = [
        when(model="scripted-model").fails(400, code="content_filter"),
        when(model="scripted-model-b").says("b speaks"),
    ]
    async with ScriptedModel(rules) as model:
        policy = with_fallbacks(model, "b")
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            assert "content_filter" in (await failure_of(ask(env))).message


async def test_when_all_fallbacks_fail_the_last_one_is_named() -> None:
    async with ScriptedModel(
        [
            when(model="scripted-model").fails(503),
            when(model="scripted-model-b").fails(500),
            when(model="scripted-model-c").fails(401),
        ]
    ) as model:
        policy = with_fallbacks(model, "b", "c", fallback_after=1)
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), policy)) as env:
            failure = await failure_of(ask(env))
        assert "model 'a/fallback-2' did not answer (authentication, 3 attempts)" in failure.message


def looking_up() -> Any:
    @tool
    async def look_up(number: int) -> str:
        """Look something up."""
        return f"found {number}"

    return look_up


async def test_later_calls_of_a_run_begin_with_the_model_that_answered() -> None:
    rules = [
        when(model="scripted-model").fails(503),
        when(model="scripted-model-b", tool_results_below=3).calls("look_up", number=1),
        when(model="scripted-model-b").says("done"),
    ]
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url), tools=[looking_up()])
        policy = with_fallbacks(model, "b", fallback_after=2)
        async with run_in_memory(app_asking(agent, policy)) as env:
            assert await ask(env, seconds=1) == "done"
        dead = [name for name, _ in requests(model)].count("scripted-model")
        assert (dead, len(model.requests())) == (2, 6)


async def test_a_model_that_was_given_up_is_tried_once_after_a_while() -> None:
    rules = [
        when(model="scripted-model", user="first").fails(503),
        when(model="scripted-model", user="second").fails(503),
        when(model="scripted-model", user="third").says("a speaks"),
        when(model="scripted-model-b").says("b speaks"),
    ]
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url))
        app = perdure.App("asking")
        register(app, agent, policies=with_fallbacks(model, "b", fallback_after=2))

        @app.workflow
        async def ask_thrice() -> list[str]:
            said = []
            for question in ("first", "second", "third"):
                said.append((await agent.run(question)).text)
                await asyncio.sleep(301)
            return said

        async with run_in_memory(app) as env:
            handle = await env.client.start(ask_thrice)
            await env.advance(seconds=2000)
            assert await handle.result() == ["b speaks", "b speaks", "a speaks"]
        # Twice for the first question, once to see whether it is back, once because it is.
        assert [name for name, _ in requests(model)].count("scripted-model") == 4


async def test_usage_is_counted_by_model_and_failed_attempts_cost_no_budget() -> None:
    from perdure_agent_framework.scope import calling_scope, outermost

    rules = [
        when(model="scripted-model").fails(503),
        when(tool_results=0).calls("look_up", number=1).costs(input_tokens=10, output_tokens=2),
        when(model="scripted-model-b").says("done").costs(input_tokens=20, output_tokens=3),
    ]
    async with ScriptedModel(rules) as model:
        agent = agent_of(client_of(model.url), tools=[looking_up()])
        app = perdure.App("asking")
        policy = with_fallbacks(model, "b", fallback_after=2)
        register(app, agent, policies=Policies(model=policy.model, budget=Budget(model_calls=2)))

        @app.workflow
        async def ask_and_count() -> Usage:
            from perdure_agent_framework.catalogue import catalogue_of

            catalogue = catalogue_of(app)
            assert catalogue is not None
            scope = outermost(catalogue, "a")
            calling_scope.set(scope)
            await agent.run("hi")
            return scope.spending.usage

        async with run_in_memory(app) as env:
            handle = await env.client.start(ask_and_count)
            await env.advance(seconds=1)
            usage = await handle.result()
        assert usage == Usage(
            model_calls=2,
            tool_calls=1,
            input_tokens=30,
            output_tokens=5,
            models={"a/fallback-1": ModelUsage(calls=2, input_tokens=30, output_tokens=5)},
        )


async def test_time_spent_on_retries_counts_for_the_budget() -> None:
    async with ScriptedModel([when().fails(429, retry_after=30)]) as model:
        limited = Policies(
            model=ModelPolicy(retry=FAST), budget=Budget(wall_clock=timedelta(seconds=45))
        )
        async with run_in_memory(app_asking(agent_of(client_of(model.url)), limited)) as env:
            failure = await failure_of(ask(env, seconds=60))
        assert failure.type.endswith("BudgetExceededError")
        assert len(model.requests()) == 2


async def test_attempts_are_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="perdure_agent_framework")
    rules = [when().fails(503, times=1), when().says("hello")]
    async with ScriptedModel(rules) as model:
        app = app_asking(agent_of(client_of(model.url)), policies())
        async with run_in_memory(app) as env:
            await ask(env, seconds=1)
    said = [it for it in caplog.records if it.name.startswith("perdure_agent_framework")]
    assert [record.getMessage() for record in said] == [
        "model a did not answer (server_error), again in 0:00:01"
    ]

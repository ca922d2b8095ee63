"""The log can be counted from after a kill, and the process ends when it should."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import openai
import pytest

from perdure.errors import ConfigurationError
from perdure.testing.scripted_model import ScriptedModel, read_log, scripted_model_process, when
from perdure.testing.scripted_model.durable_lines import DurableLines
from tests.testing.scripted_model.asking import KEY, WAYS, chat, client_of, talk

if TYPE_CHECKING:
    from pathlib import Path

WELL = when().says("well")


@pytest.mark.crash
@pytest.mark.parametrize("way", WAYS)
def test_what_a_client_got_is_in_the_log_of_a_killed_server(tmp_path: Path, way: str) -> None:
    async def talking() -> None:
        async with scripted_model_process([WELL], log=tmp_path / "log") as model:
            for count in range(1, 4):
                async with client_of(model.url) as client:
                    await WAYS[way](client, f"number {count}")
                model.kill()
                records = model.requests()
                assert [(record.outcome, record.sent) for record in records] == [
                    ("answer", True)
                ] * count
                await model.restart()

    asyncio.run(talking())


@pytest.mark.crash
def test_a_request_is_in_the_log_before_its_answer(tmp_path: Path) -> None:
    async def talking() -> None:
        rule = WELL.after(600)
        async with scripted_model_process([rule], log=tmp_path / "log") as model:
            async with client_of(model.url) as client:
                waiting = asyncio.create_task(chat(client, "hello"))
                while not model.requests():
                    await asyncio.sleep(0.01)
                model.kill()
                with pytest.raises(openai.APIConnectionError):
                    await waiting
            (record,) = model.requests()
            assert (record.rule, record.outcome, record.sent) == ("rule-1", None, False)

    asyncio.run(talking())


@pytest.mark.crash
def test_a_killed_server_goes_on_counting_on_the_same_port(tmp_path: Path) -> None:
    rules = [when().fails(429, times=2), WELL]

    async def talking() -> list[str | None]:
        process = scripted_model_process(rules, log=tmp_path / "log", state=tmp_path / "state")
        async with process as model:
            first = model.url
            for _ in range(2):
                async with client_of(model.url) as client:
                    with pytest.raises(openai.RateLimitError):
                        await chat(client, "hello")
                    # While the connection is open, so that its end keeps the port from others.
                    os.kill(model.pid, signal.SIGKILL)
                    await model.restart()
            async with client_of(first) as client:
                await chat(client, "hello")
            return [record.outcome for record in model.requests()]

    assert asyncio.run(talking()) == ["429", "429", "answer"]


def test_a_line_that_a_kill_tore_costs_no_other_line(tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def talking() -> None:
        async with talk(WELL, log=log) as (_, client):
            await chat(client, "hello")

    asyncio.run(talking())
    with log.open("ab") as file:
        file.write(b'{"event":"received","request_')
    assert len(read_log(log)) == 1
    asyncio.run(talking())
    assert [record.outcome for record in read_log(log)] == ["answer", "answer"]


def test_the_log_tells_requests_apart_and_has_no_secret_and_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def talking() -> None:
        async with talk(WELL, log=log) as (_, client):
            for text in ["a secret", "a secret", "another secret"]:
                await chat(client, text)
            with pytest.raises(openai.NotFoundError):
                await chat(client, "a secret", model="gpt-5")

    asyncio.run(talking())
    records = read_log(log)
    assert len({record.request_id for record in records}) == 4
    digests = [record.digest for record in records]
    assert digests[0] == digests[1] == digests[3] != digests[2]
    assert [record.model for record in records] == ["scripted-model"] * 3 + ["gpt-5"]
    text = log.read_text()
    assert KEY not in text
    assert "secret" not in text
    assert [json.loads(line)["event"] for line in text.splitlines()[:3]] == [
        "received",
        "answered",
        "sent",
    ]


def test_the_requests_can_be_read_after_the_end_without_a_log_file() -> None:
    async def talking() -> ScriptedModel:
        async with talk(WELL) as (model, client):
            await chat(client, "hello")
        return model

    assert len(asyncio.run(talking()).requests()) == 1


@pytest.mark.crash
def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "import asyncio, os, sys\n"
        "from perdure.testing.scripted_model import scripted_model_process, when\n"
        "async def main():\n"
        "    async with scripted_model_process([when().says('a')], log=sys.argv[1]) as model:\n"
        "        print(model.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, str(program), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert is_running(server)
        parent.kill()
    deadline = time.monotonic() + 10
    while is_running(server):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Return whether there is such a process, and it has not ended."""
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() not in {"", "Z"} and not found.stdout.startswith("Z")


def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def talking() -> None:
        async with ScriptedModel([WELL]) as model:
            port = int(model.url.split(":")[2].split("/")[0])
            with pytest.raises(ConfigurationError, match=f"port {port}: cannot be listened on"):
                async with scripted_model_process([WELL], log=tmp_path / "log", port=port):
                    pass

    asyncio.run(talking())


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_program_serves_a_file_until_a_signal(tmp_path: Path, end: signal.Signals) -> None:
    transcript = tmp_path / "transcript.json"
    transcript.write_text('{"rules": [{"when": {}, "reply": {"kind": "answer", "text": "hi"}}]}')
    command = [sys.executable, "-m", "perdure.testing.scripted_model", str(transcript)]
    command += ["--log", str(tmp_path / "log")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        banner = server.stdout.readline()

        async def talking() -> str:
            async with client_of(banner.split()[2]) as client:
                return (await chat(client, "hello")).text

        assert asyncio.run(talking()) == "hi"
        server.send_signal(end)
        _, complaints = server.communicate(timeout=10)
    assert banner.startswith("scripted model: http://127.0.0.1:")
    assert complaints == ""


def test_each_line_is_synced_once_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced, fsync = tmp_path / "log", list[bytes](), os.fsync

    def watched(file: int) -> None:
        fsync(file)
        synced.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", watched)
    lines = DurableLines(path)
    lines.append({"a": "x" * 100_000})
    lines.append({"b": 2})
    lines.close()
    first = b'{"a":"' + b"x" * 100_000 + b'"}\n'
    assert synced == [first, first + b'{"b":2}\n']

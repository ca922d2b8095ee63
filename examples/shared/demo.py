"""The demo of an example: ask its agent, kill the worker in the middle, prove that it went well.

This process only directs: it starts a worker process, asks, watches, kills the worker with SIGKILL,
starts the next one, approves by the command line, and compares what the tools and the scripted
model wrote with the history. Its exit code is 0 if the proof holds, 1 if it does not, 2 for a wrong
argument, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

import perdure
from examples.shared import journal, models, stage
from examples.shared.approvals import CommandFailedError
from examples.shared.crew import Crew, WorkerDiedError
from examples.shared.director import Calls, DemoError, Director
from examples.shared.proof import Part, Proof, compare, results_of
from examples.shared.show import Show
from perdure.testing.scripted_model import scripted_model_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from examples.shared.scene import Act, Scene
    from examples.shared.stage import Stage
    from perdure.spi.history import HistoryEvent

STATE: Final = Path(".perdure")
PACE_SECONDS: Final = 0.4
_EXPECTED: Final = (
    CommandFailedError,
    DemoError,
    WorkerDiedError,
    perdure.PerdureError,
    stage.StageTakenError,
    OSError,
)


def run_demo(scene: Scene, arguments: Sequence[str] | None = None) -> int:
    """Run the demo of an example and return its exit code."""
    options = _options(scene, arguments)
    console = Console(highlight=False)
    show = Show(console)
    try:
        with stage.taken(options.state) as taken:
            show.title(scene.title)
            with stage.on_backend(options.backend, taken, show.tell) as place:
                show.tell(place)
                return asyncio.run(perform(scene, taken, show, pace=options.pace))
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything the demo started has been stopped.")
        return 130
    except _EXPECTED as err:
        console.print(Text(f"demo: {err}", style="bold red"))
        return 1


async def perform(scene: Scene, taken: Stage, show: Show, *, pace: float) -> int:
    """Ask the agent under the director, then conclude."""
    os.environ[journal.JOURNAL] = str(taken.journal)
    os.environ[journal.PACE] = str(pace)
    os.environ[scene.variable] = str(taken.files)
    async with _model(scene, taken, pace) as words:
        if words:
            show.tell(f"model: {words}")
        show.tell(f"asked: {scene.question}")
        with Crew(scene.worker, taken.log) as crew:
            show.say(f"worker {crew.start()} started")
            act = scene.open(f"demo-{time.time_ns() // 1_000_000}")
            async with act.app.client() as client:
                answer = asyncio.ensure_future(act.ask())
                director = Director(
                    scene=scene,
                    stage=taken,
                    crew=crew,
                    show=show,
                    client=client,
                    instance_id=act.instance_id,
                )
                text = await director.direct(answer)
                history = await client.get(None, act.instance_id).history()
        show.say("answered")
    show.outcome(text, scene.outcome(taken.files))
    code = conclude(act, taken, director, history, show)
    show.tell(f"{_relative(taken.folder)} has its files; {show.seconds:.1f} s in all")
    return code


def conclude(
    act: Act, taken: Stage, director: Director, history: Sequence[HistoryEvent], show: Show
) -> int:
    """Compare what was written with the history, show it, write it down; 1 if the proof fails."""
    proof = _proof(act, director, history)
    facts = dataclasses.asdict(proof) | {"holds": proof.holds}
    taken.proof.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    has_models = bool(act.model_calls)
    show.proof(proof, is_scripted=models.real_model() is None, has_models=has_models)
    return 0 if proof.holds else 1


def _proof(act: Act, director: Director, history: Sequence[HistoryEvent]) -> Proof:
    assert director.kill is not None
    before, after = director.at_kill or Calls(tools=[], models=[]), director.calls()
    tools = Part(
        at_kill=before.tools, at_end=after.tools, results=results_of(history, act.tool_calls)
    )
    parts = [tools]
    if models.real_model() is None:
        results = results_of(history, act.model_calls)
        parts.append(Part(at_kill=before.models, at_end=after.models, results=results))
    return compare(parts, director.kill, director.resumed_after_seconds)


@contextlib.asynccontextmanager
async def _model(scene: Scene, taken: Stage, pace: float) -> AsyncIterator[str]:
    """Have the model that agents find, and yield which one it is; nothing if nobody asks one."""
    if scene.transcript is None:
        yield ""
        return
    if model := models.real_model():
        yield f"{model}, by OpenAI's API"
        return
    latency = scene.transcript.latency.model_copy(update={"first_seconds": pace / 2})
    transcript = scene.transcript.model_copy(update={"latency": latency})
    async with scripted_model_process(transcript, log=taken.model_log) as process:
        os.environ[models.SCRIPTED_MODEL_URL] = process.url
        rules = len(transcript.rules)
        yield f"a scripted model, no real one: a local server that answers by {rules} rules"


def _options(scene: Scene, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m examples.{scene.name}.demo",
        description="Ask an agent, kill its worker in the middle, prove that it went well.",
    )
    known = ", ".join(stage.backends())
    add = parser.add_argument
    add("--backend", metavar="NAME", help=f"where it runs: {known}")
    add("--pace", metavar="SECONDS", type=float, default=PACE_SECONDS, help="how long a tool takes")
    add("--state", metavar="FOLDER", type=Path, default=STATE / scene.name, help="for its files")
    options = parser.parse_args(arguments)
    if options.backend not in (None, *stage.backends()):
        parser.error(f"--backend {options.backend}: no such backend here; there are: {known}")
    return options


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path

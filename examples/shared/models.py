"""Which model the examples' agents ask: the scripted model, or one of OpenAI's if you say so.

With ``OPENAI_API_KEY`` and ``OPENAI_MODEL`` it is that model. Otherwise it is perdure's scripted
model, a local server that answers by a transcript and says so wherever it shows; it is started for
whoever has not one already, and ends with it.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perdure.testing.scripted_model import MODEL, Transcript

SCRIPTED_MODEL_URL: Final = "SCRIPTED_MODEL_URL"
"""Where a scripted model runs already."""

LOG: Final = Path(".perdure/scripted-model.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What a client of OpenAI's API is to be made with; ``None`` is what its variables say."""

    model: str
    base_url: str | None = None
    api_key: str | None = None


def real_model() -> str | None:
    """Return the name of the real model that the variables ask for, if they do."""
    return os.environ.get("OPENAI_MODEL") if os.environ.get("OPENAI_API_KEY") else None


def model_settings(transcript: Transcript) -> ModelSettings:
    """Return how to reach the model, started with ``transcript`` if it is a scripted one.

    Raises:
        ChildProcessError: The scripted model did not start.
    """
    if model := real_model():
        return ModelSettings(model=model)
    if SCRIPTED_MODEL_URL not in os.environ:
        # In the environment, for the processes that this one starts.
        os.environ[SCRIPTED_MODEL_URL] = _start(transcript)
    url = os.environ[SCRIPTED_MODEL_URL]
    return ModelSettings(model=MODEL, base_url=url, api_key="none")


def _start(transcript: Transcript) -> str:
    LOG.parent.mkdir(parents=True, exist_ok=True)
    follow = ("--log", str(LOG), "--parent", str(os.getpid()))
    process = subprocess.Popen(
        [sys.executable, "-m", "perdure.testing.scripted_model", "-", *follow],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin:
        process.stdin.write(transcript.to_json())
    banner = process.stdout.readline()
    if not banner:
        raise ChildProcessError("the scripted model did not start; it says above why")
    atexit.register(_stop, process)
    return next(word for word in banner.split() if word.startswith("http://"))


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()

"""The research team, killed in the middle: ``python -m examples.research_team.demo``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from examples.research_team import tools
from examples.research_team.model import TRANSCRIPT
from examples.shared.demo import run_demo
from examples.shared.scene import Act, Scene

if TYPE_CHECKING:
    from pathlib import Path


def _open(session: str) -> Act:
    # Agents find their model when they are imported.
    from perdure_agent_framework.sessions.ids import session_instance_id, turn_instance_id

    from examples.research_team import durable
    from examples.research_team.agent import QUESTION

    async def ask() -> str:
        response = await durable.runner.run(QUESTION, session_id=session, message_id="report")
        return response.text

    conversation = session_instance_id(durable.runner.name, session)
    return Act(app=durable.app, ask=ask, instance_id=turn_instance_id(conversation, "report"))


def _report(files: Path) -> list[str]:
    """Return what the report comes to."""
    text = (files / "report.md").read_text(encoding="utf-8")
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    return [f"the report has {len(text):,} characters: {'; '.join(headings)}"]


SCENE: Final = Scene(
    name="research_team",
    title="perdure: a research team that survives kill -9",
    worker="examples.research_team.durable",
    transcript=TRANSCRIPT,
    question="a lead, three researchers at once and a checker read docs/ and write a report",
    open=_open,
    variable=tools.FOLDER,
    kill_after=3,
    outcome=_report,
)

if __name__ == "__main__":
    sys.exit(run_demo(SCENE))

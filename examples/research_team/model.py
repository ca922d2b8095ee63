"""The model that the team asks, and what it says where it is the scripted one."""

from __future__ import annotations

from typing import Final

from agent_framework_openai import OpenAIChatCompletionClient

from examples.shared.models import model_settings
from perdure.testing.scripted_model import Answer, Rule, Transcript, when

LEAD: Final = "You lead a research team."
RESEARCHER: Final = "You are a researcher."
CHECKER: Final = "You check facts."

_QUESTIONS: Final = {
    "timers": ("durable timer", "guide.md", "Timers and deadlines"),
    "promises": ("never lost", "rules.md", "What perdure promises in return"),
    "kills": ("stored computed again", "portability.md", "15. Nothing finished is done again"),
}


def _lead() -> tuple[Rule, ...]:
    tasks = Rule(when=when(system=LEAD, tool_results=0), reply=Answer())
    for topic in _QUESTIONS:
        tasks = tasks.calls("research", task=f"What do the documents say of {topic}?")
    return (
        tasks,
        when(system=LEAD, tool_results=3).calls("check", task="Is the promise in the documents?"),
        when(system=LEAD, tool_results=4).calls(
            "write_report",
            title="What survives a crash",
            text="Written by a scripted model, from the documents of perdure.\n\n{results}",
        ),
        when(system=LEAD).says("The report is written: {result}"),
    )


def _researcher(topic: str) -> tuple[Rule, ...]:
    words, document, section = _QUESTIONS[topic]
    asked = f"of {topic}?"
    return (
        when(system=RESEARCHER, user=asked, tool_results=0).calls("search_documents", words=words),
        when(system=RESEARCHER, user=asked, tool_results=1).calls(
            "read_section", document=document, section=section
        ),
        when(system=RESEARCHER, user=asked).says(f"## {section} ({document})\n\n{{result}}\n"),
    )


TRANSCRIPT: Final = Transcript(
    rules=(
        *_lead(),
        *(rule for topic in _QUESTIONS for rule in _researcher(topic)),
        when(system=CHECKER, tool_results=0).calls("search_documents", words="not computed again"),
        when(system=CHECKER).says("## Checked\n\nIt stands here: {result}\n"),
    )
)


def chat_client() -> OpenAIChatCompletionClient:
    """Return the framework's own client of OpenAI's API."""
    settings = model_settings(TRANSCRIPT)
    return OpenAIChatCompletionClient(
        model=settings.model, base_url=settings.base_url, api_key=settings.api_key
    )

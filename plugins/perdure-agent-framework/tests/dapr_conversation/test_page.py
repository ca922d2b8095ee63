"""The docs page is true: its program runs, and it has every option and every error."""

from __future__ import annotations

import re
from pathlib import Path

from agent_framework import ChatOptions

from perdure_agent_framework import dapr_conversation
from perdure_agent_framework.dapr_conversation import DaprConversationOptions

PAGE = (Path(__file__).parents[2] / "docs" / "dapr-conversation.md").read_text(encoding="utf-8")


def test_its_program_runs() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(program, names)
    assert "agent" in names


def test_it_has_all_public_names_and_options() -> None:
    own = DaprConversationOptions.__annotations__.keys() - ChatOptions.__annotations__.keys()
    assert len(own) == 4
    assert [name for name in {*dapr_conversation.__all__, *own} if f"`{name}`" not in PAGE] == []

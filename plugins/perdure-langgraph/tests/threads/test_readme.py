"""The README's first example, run as it is."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

# Two processes, each of which imports LangGraph first.
pytestmark = pytest.mark.timeout(120)

README = Path(__file__).parents[2] / "README.md"


async def test_the_first_example_runs_as_it_is_and_again(tmp_path: Path) -> None:
    program = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]
    printed = []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program), cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        printed.append((await process.communicate())[0].decode())
        assert process.returncode == 0
    assert printed == ["Ship the teapot?\n['reserved a teapot', 'shipped']\n"] * 2

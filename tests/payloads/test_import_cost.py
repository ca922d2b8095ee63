"""Pydantic is imported by the first value that needs it, and by no other."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from typing import Any
from perdure.payloads import ParameterConverter, ValueConverter

def plain(city: str, options: dict[str, Any], limit: float | None = None) -> list[str]: ...

parameters = ParameterConverter(plain, owner="activity 'plain'")
stored = parameters.encode(parameters.bind(("Oslo", {"a": [1, None]}), {"limit": 1.5}))
assert parameters.decode(stored) == (("Oslo", {"a": [1, None]}, 1.5), {})
result = ValueConverter.of_result(plain, owner="activity 'plain'")
assert result.decode(result.encode(["x"])) == ["x"]
assert "pydantic" not in sys.modules, "the plain way imported pydantic"

ValueConverter(bytes, what="value").encode(b"x")
assert "pydantic" in sys.modules
"""


def test_plain_types_do_without_pydantic() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], check=True, timeout=30)

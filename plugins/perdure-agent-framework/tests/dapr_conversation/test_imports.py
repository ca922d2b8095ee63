"""The client needs neither Dapr's SDK nor a backend."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
import perdure_agent_framework.dapr_conversation
unwanted = {"dapr", "perdure_dapr", "durabletask", "grpc"} & sys.modules.keys()
assert not unwanted, unwanted
sys.modules["httpx"] = None
for name in [name for name in sys.modules if "dapr_conversation" in name]:
    del sys.modules[name]
try:
    import perdure_agent_framework.dapr_conversation
except ImportError as error:
    print(error)
"""


def test_it_imports_no_sdk_and_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert "pip install 'perdure-agent-framework[dapr-conversation]'" in done.stdout

"""A user signs in by a browser: a program of its own, which is shown the authority's page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from azure_kit.entra import TENANT
from azure_kit.signing import claims_of

if TYPE_CHECKING:
    import pytest
    from azure_kit.entra import Entra
    from azure_kit.programs import Programs

# In a process of its own, since Python looks for browsers once per process.
_PROGRAM = """
import json, os
from perdure_azure.address import parse_address
from perdure_azure.tokens import Tokens
address = parse_address(os.environ["PERDURE_BACKEND"])
tokens = Tokens(address.authentication, audience=address.audience)
first = tokens.get_token(tokens.scope).token
tokens.invalidate()
print(json.dumps([first, tokens.get_token(tokens.scope).token]))
"""


def test_a_user_signs_in_once(
    entra: Entra, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", programs.add_browser())
    options = f"authentication=InteractiveBrowser&tenant_id={TENANT}&authority={entra.host}"
    monkeypatch.setenv("PERDURE_BACKEND", f"azure://name.example/hub?{options}")
    command = [sys.executable, "-c", _PROGRAM]
    run = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=25)
    assert run.returncode == 0, run.stderr
    tokens = json.loads(run.stdout)
    assert [claims_of(token)["upn"] for token in tokens] == ["user@example.com"] * 2
    # A token that was refused makes nobody sign in again.
    assert len(programs.calls("browser")) == 1

"""Programs that azure-identity runs, made for a test: ``az``, ``pwsh`` and a browser.

Each writes down how it was called, and does what the real one is documented to do.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_START: Final = """#!{python} -IS
import base64, html, json, os, pathlib, re, ssl, sys, time, urllib.parse, urllib.request
HERE = pathlib.Path(__file__).resolve()
ARGUMENTS = sys.argv[1:]
with open(f"{{HERE}}.calls", "a") as calls:
    calls.write(json.dumps(ARGUMENTS) + "\\n")
"""

_AZ: Final = """
if ARGUMENTS[:2] != ["account", "get-access-token"]:
    sys.exit(f"ERROR: {ARGUMENTS[:2]} is misspelled or not recognized by the system.")
answer = json.loads(pathlib.Path(f"{HERE}.answer").read_text())
sys.stderr.write(answer["stderr"])
sys.stdout.write(answer["stdout"])
sys.exit(answer["status"])
"""

_PWSH: Final = """
script = base64.b64decode(ARGUMENTS[ARGUMENTS.index("-EncodedCommand") + 1]).decode("utf-16-le")
pathlib.Path(f"{HERE}.script").write_text(script)
answer = json.loads(pathlib.Path(f"{HERE}.answer").read_text())
sys.stderr.write(answer["stderr"])
sys.stdout.write(answer["stdout"])
sys.exit(answer["status"])
"""

_BROWSER: Final = """
context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
page = urllib.request.urlopen(ARGUMENTS[0], context=context).read().decode()
action = html.unescape(re.search('action="([^"]*)"', page)[1])
inputs = re.findall('name="([^"]*)" value="([^"]*)"', page)
fields = {name: html.unescape(value) for name, value in inputs}
urllib.request.urlopen(action, data=urllib.parse.urlencode(fields).encode()).read()
"""


class Programs:
    """Programs in a folder that is to be all of ``PATH``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def add_az(self, token: str, *, expires_on: int) -> None:
        """Install an Azure CLI whose user is signed in."""
        content = {
            "accessToken": token,
            "expiresOn": "2026-01-01 00:00:00.000000",
            "expires_on": expires_on,
            "subscription": "33333333-3333-3333-3333-333333333333",
            "tenant": "11111111-1111-1111-1111-111111111111",
            "tokenType": "Bearer",
        }
        self._add("az", _AZ, stdout=json.dumps(content, indent=2))

    def add_az_without_user(self) -> None:
        """Install an Azure CLI that nobody is signed in to."""
        problem = "ERROR: Please run 'az login' to setup account.\n"
        self._add("az", _AZ, stderr=problem, status=1)

    def add_pwsh(self, token: str, *, expires_on: int) -> None:
        """Install a PowerShell whose user is signed in."""
        self._add("pwsh", _PWSH, stdout=f"\nazsdk%{token}%{expires_on}\n\n")

    def add_pwsh_that_says(self, output: str) -> None:
        """Install a PowerShell that answers with ``output``."""
        self._add("pwsh", _PWSH, stdout=output)

    def add_pwsh_without_module(self) -> None:
        """Install a PowerShell without the module Az.Accounts."""
        self._add("pwsh", _PWSH, stdout="NO_AZ_ACCOUNT_MODULE\n")

    def add_pwsh_without_user(self) -> None:
        """Install a PowerShell that nobody is signed in to."""
        problem = "Get-AzAccessToken: Run Connect-AzAccount to login.\n"
        self._add("pwsh", _PWSH, stderr=problem, status=1)

    def add_browser(self) -> str:
        """Install a browser whose user signs in at once; return what ``BROWSER`` is to be."""
        self._add("browser", _BROWSER)
        return f"{self.folder / 'browser'} %s &"

    def calls(self, name: str) -> list[list[str]]:
        """Return the arguments of each call of a program."""
        path = self.folder / f"{name}.calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def script(self) -> str:
        """Return the script that PowerShell was given."""
        return (self.folder / "pwsh.script").read_text()

    def _add(self, name: str, source: str, **answer: Any) -> None:
        path = self.folder / name
        path.write_text(_START.format(python=sys.executable) + source)
        path.chmod(0o755)
        whole = {"stdout": "", "stderr": "", "status": 0, **answer}
        (self.folder / f"{name}.answer").write_text(json.dumps(whole))

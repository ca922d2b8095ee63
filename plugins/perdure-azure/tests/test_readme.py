"""The README is true: programs and commands run, what it quotes is said, settings are in it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import perdure
import perdure_azure
from perdure.spi.bridge.envelope import MARK
from perdure_azure import address, clouds, foreign_payloads, settings
from perdure_azure.backend import PAYLOAD_LIMIT
from perdure_azure.connection_string import OPTIONAL_KEYS, REQUIRED_KEYS
from perdure_azure.credentials import AuthenticationKind
from perdure_azure.faults import LIMIT_BYTES
from perdure_azure.stack.build import VARIABLE
from perdure_azure.stack.options import DECLARED, LONGEST_RETENTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure_azure.stack import AzureStack

PLUGIN = Path(__file__).parents[1]
ROOT = PLUGIN.parents[1]
README = (PLUGIN / "README.md").read_text(encoding="utf-8")
MANIFEST = (PLUGIN / "kubernetes" / "worker.yaml").read_text(encoding="utf-8")

_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`([^`]+)`")
# What needs Azure, Docker, or another environment than that of the tests.
_ELSEWHERE = re.compile(r"^(az|docker|pip) ", re.MULTILINE)
_PLACES = {
    "NAME.REGION": "trips-dts.westeurope",
    "/HUB": "/trips",
    "$endpoint": "https://trips-dts.westeurope.durabletask.io",
}

pytestmark = pytest.mark.timeout(180)  # the first run on a machine builds the stand-in


def programs_of_the_readme() -> list[str]:
    return _PROGRAM.findall(README)


def commands(console: str) -> str:
    """Return the lines that are typed: those after a ``$``, with those that go on."""
    typed, goes_on = [], False
    for line in console.splitlines():
        if goes_on or line.startswith("$ "):
            typed.append(line.removeprefix("$ "))
            goes_on = line.endswith("\\")
    return "\n".join(typed)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| (.*?) \| ", text, re.MULTILINE)


def texts(folder: Path) -> Iterator[str]:
    """Yield what the code of a folder can say."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield " ".join(node.value.split())


def run(command: list[str], *, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run where ``trips.py`` is the first program, with no address but a given one."""
    (folder / "trips.py").write_text(programs_of_the_readme()[0], encoding="utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PERDURE_", "DURABLE_TASK_"))
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    state = str(folder / "state")
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PATH": path, "XDG_STATE_HOME": state, **variables},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_the_first_program_takes_ten_megabytes_through_an_activity(
    azure_stack: AzureStack, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "error", "trips.py"]
    done = run(command, folder=tmp_path, **azure_stack.environment)
    assert (done.returncode, done.stdout) == (0, "Oslo for 400\n"), done.stderr


def test_a_client_of_microsoft_s_sdk_starts_a_workflow_of_perdure(
    azure_stack: AzureStack, tmp_path: Path
) -> None:
    (tmp_path / "orders.py").write_text(programs_of_the_readme()[1], encoding="utf-8")
    command = [sys.executable, "-W", "error", "orders.py"]
    variables = {**azure_stack.environment, "ADDRESS": azure_stack.target}
    done = run(command, folder=tmp_path, **variables)
    assert (done.returncode, done.stdout) == (0, "2 red hat\n"), done.stderr


def test_the_program_that_tests_an_app_fits_the_stack() -> None:
    whole = {"__name__": "example"}
    exec(compile(programs_of_the_readme()[2], "README.md", "exec"), whole)
    assert "azure" in whole
    assert len(programs_of_the_readme()) == 3


def test_the_commands_on_the_stand_in_run_as_they_stand(tmp_path: Path) -> None:
    typed = [commands(console) for console in _CONSOLE.findall(section("Quick start"))]
    (session,) = (each for each in typed if not _ELSEWHERE.search(each))
    try:
        done = run(["bash", "-e", "-c", session], folder=tmp_path)
    finally:
        run(["perdure", "stack", "down", "azure", "--purge-state"], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Oslo for 400"
    ports = re.compile(r"(?<=127\.0\.0\.1:)\d+")
    said = {ports.sub("…", line) for line in done.stdout.splitlines()}
    promised = [
        ports.sub("…", line)
        for line in section("Quick start").splitlines()
        if line.startswith(("BACKEND ", "azure "))
    ]
    assert len(promised) == 2
    assert set(promised) <= said


def test_every_console_block_is_run_here_or_said_to_be_run_elsewhere() -> None:
    blocks = [commands(console) for console in _CONSOLE.findall(README)]
    run_here = [block for block in blocks if "stack up" in block]
    elsewhere = [block for block in blocks if _ELSEWHERE.search(block)]
    # What is left is the first screen's address of DTS, which a test below reads.
    others = [block for block in blocks if block not in (*run_here, *elsewhere)]
    assert (len(run_here), len(elsewhere), len(others)) == (2, 6, 1)
    assert "AzureCli" in others[0]
    assert "None of the `az` commands of this page could be run here" in README


def test_every_address_that_it_shows_can_be_read() -> None:
    urls = re.findall(r"azure://[A-Za-z0-9][^\s`'\"]+", README + MANIFEST)
    strings = re.findall(r"""["'](Endpoint=[^"'…]+)["']""", README)
    assert (len(urls), len(strings)) == (8, 2)
    for text in (*urls, *strings):
        whole = text
        for place, value in _PLACES.items():
            whole = whole.replace(place, value)
        variables = {settings.CONNECTION_STRING_VARIABLE: whole}
        url = "azure" if whole.startswith("Endpoint") else whole
        assert address.parse_address(url, environment=variables).hub in ("trips", "default")


def test_everything_that_can_be_set_is_in_it() -> None:
    variables = {
        value
        for module in (settings, clouds)
        for name, value in vars(module).items()
        if name.endswith("_VARIABLE")
    }
    variables |= {foreign_payloads.SETTING, foreign_payloads.CONTAINER_SETTING, VARIABLE}
    keys = {f"| `{key}` |" for key in (*REQUIRED_KEYS, *OPTIONAL_KEYS)}
    options = {f"`?{option}=" for option in settings.OPTIONS}
    assert len(variables) == 11
    assert {name for name in {*variables, *keys, *options} if name not in README} == set()
    assert f"the key `{MARK}`" in " ".join(README.split())


def test_the_options_of_the_stand_in_exist() -> None:
    stack = {f"--{option.name.replace('_', '-')}" for option in DECLARED}
    shown = set(re.findall(r"`(--[a-z-]+)`", section("Local servers")))
    assert len(shown) == 7
    assert shown <= stack


def test_every_kind_of_identity_is_in_its_table_with_what_it_takes() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", section("Identity"), re.MULTILINE))
    assert set(rows) == set(AuthenticationKind)
    for kind in AuthenticationKind:
        keys = {settings.OPTIONS[option] for option in address._TAKES[kind]}
        told = {name for name in _QUOTED.findall(rows[kind]) if name in OPTIONAL_KEYS}
        assert told == keys, kind


def test_the_limits_are_those_of_the_code() -> None:
    limits = section("Limits")
    assert f"{PAYLOAD_LIMIT:,} bytes" in limits
    assert LIMIT_BYTES == 1024 * 1024
    assert "1 MiB each" in limits
    consumption, dedicated = (LONGEST_RETENTION[sku].days for sku in ("consumption", "dedicated"))
    assert f"at most {consumption} on Consumption, {dedicated} on Dedicated" in limits


def test_what_it_says_of_conformance_is_in_the_last_report() -> None:
    report = json.loads((ROOT / "docs" / "conformance.json").read_text(encoding="utf-8"))
    (azure,) = (each for each in report["backends"] if each["backend"] == "azure")
    rows = {
        name: cell
        for names, cell in re.findall(
            r"^\| (.*?) \| (.*?) \|", section("Conformance"), re.MULTILINE
        )
        for name in _QUOTED.findall(names)
    }
    own = {name for name, cell in rows.items() if cell.startswith("DTS's own")}
    emulated = {name for name, cell in rows.items() if cell.startswith("emulated")}
    assert emulated == set(azure["emulated"])
    assert own | emulated == set(azure["capabilities"])
    assert [each["contract"] for each in azure["contracts"] if each["failed"]] == []


def test_every_message_that_it_explains_is_one_that_is_said() -> None:
    said = [*texts(Path(perdure_azure.__path__[0])), *texts(Path(perdure.__path__[0]))]
    rows = [each for each in first_cells(section("When something is wrong")) if "`" in each]
    quoted = [piece for row in rows for text in _QUOTED.findall(row) for piece in text.split("…")]
    pieces = [piece.strip(" ;,") for piece in quoted]
    ours = [piece for piece in pieces if " " in piece]
    assert len(rows) > 35
    assert [piece for piece in ours if not any(piece in text for text in said)] == []


def test_the_lines_for_pods_are_those_of_the_manifest() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0].strip() for line in shown.splitlines()]
    assert len(lines) == 5
    assert [line for line in lines if line not in MANIFEST] == []


def test_the_tables_have_the_marks_between_which_figures_are_written() -> None:
    for name in ("figures", "billable actions"):
        before, _, after = README.partition(f"<!-- {name} -->\n")
        assert before.count(f"<!-- {name} -->") == 0
        assert after.count(f"<!-- end of {name} -->") == 1

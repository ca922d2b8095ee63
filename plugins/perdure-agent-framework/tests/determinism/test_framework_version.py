"""The canary: what of the framework this package takes hold of, and in which versions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from agent_framework import MCPStdioTool, MCPStreamableHTTPTool

import perdure_agent_framework
from perdure_agent_framework.errors import FrameworkVersionError
from perdure_agent_framework.framework_version import SEAMS, SETTING, check_framework
from perdure_agent_framework.mcp_servers import connections as mcp_connections

PACKAGE = Path(perdure_agent_framework.__file__).parent


def private_imports() -> set[str]:
    """Return what the package imports from the framework's private modules."""
    nodes = (
        node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    return {
        f"{node.module}:{name.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agent_framework._")
        for name in node.names
    }


def test_the_installed_framework_has_every_seam() -> None:
    check_framework()


def test_every_private_import_is_a_seam() -> None:
    assert private_imports() - set(SEAMS) == set()


def test_servers_know_of_their_connections_what_is_made_anew() -> None:
    names = vars(MCPStreamableHTTPTool("x", "http://127.0.0.1:9")).keys()
    assert mcp_connections._UNCONNECTED.keys() <= vars(MCPStdioTool("x", "true")).keys()
    assert mcp_connections._UNCONNECTED_HTTP.keys() <= names


@pytest.mark.parametrize("installed", ["1.22.9", "1.24.0", "2.0.0", "unknown"])
def test_a_version_that_is_not_tested_is_refused_with_what_to_do(
    installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    with pytest.raises(FrameworkVersionError) as caught:
        check_framework(installed=installed)
    assert f"agent-framework-core {installed} is installed" in str(caught.value)
    assert "tested with >=1.23,<1.24" in str(caught.value)
    assert f"at your own risk: {SETTING}=1" in str(caught.value)


def test_a_setting_lets_other_versions_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "1")
    check_framework(installed="1.24.0")


def test_a_missing_seam_is_named_whatever_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "1")

    def find(seam: str) -> None:
        if seam.endswith("._invoke_function"):
            raise AttributeError(seam)

    with pytest.raises(FrameworkVersionError, match="lacks agent_framework:FunctionTool"):
        check_framework(find=find)

"""The files that Dapr's servers read: state store, anchor, configuration, sentry's own."""

from __future__ import annotations

import json
import secrets
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

from perdure_dapr import anchor
from perdure_dapr.stack.options import GENERATED

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_dapr.stack.options import StackOptions

_DEFAULT_REDIS = "127.0.0.1:6379"

# Without a resolver that is named, daprd opens mDNS on all interfaces; one that it does not know
# keeps that off, costs one line in the log, and workflows need none.
_CONFIGURATION = """\
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: perdure
spec:
  nameResolution:
    component: none
"""

_COMPONENT = """\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: workflows
spec:
  type: {type}
  version: {version}
  metadata:
"""

_ANCHOR = """\
apiVersion: dapr.io/v1alpha1
kind: MCPServer
metadata:
  name: anchor
spec:
  ignoreErrors: true
  endpoint:
    stdio:
      command: {python}
      args: ["-S", "-E", {script}]
"""


def write_configuration(folder: Path) -> Path:
    """Write the configuration of the sidecars, and return its path.

    Raises:
        OSError: It cannot be written.
    """
    return _write(folder / "config" / "configuration.yaml", _CONFIGURATION)


def write_sentry_configuration(folder: Path) -> Path:
    """Write the empty file without which sentry does not start, and return its path.

    Raises:
        OSError: It cannot be written.
    """
    return _write(folder / "config" / "sentry.yaml", "")


def write_resources(folder: Path, options: StackOptions) -> Path:
    """Write the state store and the anchor, and return the folder that sidecars are to read.

    Raises:
        OSError: It cannot be written.
    """
    kind, version, settings = _store(folder, options.state)
    text = _COMPONENT.format(type=kind, version=version)
    for name, value in {**settings, "actorStateStore": "true"}.items():
        text += f"  - name: {name}\n    value: {json.dumps(value)}\n"
    resources = _write(folder / "components" / "workflows.yaml", text).parent
    path = resources / "anchor.yaml"
    if options.bare:
        path.unlink(missing_ok=True)
    else:
        script = json.dumps(anchor.__file__)
        _write(path, _ANCHOR.format(python=json.dumps(sys.executable), script=script))
    return resources


def api_token(folder: Path, options: StackOptions) -> str:
    """Return the token that clients must send; one that is made is the same at the next start.

    Raises:
        OSError: It cannot be written.
    """
    if options.api_token != GENERATED:
        return options.api_token
    path = folder / "state" / "api-token"
    if not path.exists():
        _write(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="ascii")


def _store(folder: Path, state: str) -> tuple[str, str, dict[str, str]]:
    store, _, address = state.partition("=")
    if store == "redis":
        return "state.redis", "v1", {"redisHost": address or _DEFAULT_REDIS, "redisPassword": ""}
    if store == "postgresql":
        return "state.postgresql", "v2", {"connectionString": address}
    path = quote(str(folder / "state" / "workflows.db"))
    # With daprd's own two seconds, many starts at once fail: "database is locked".
    return "state.sqlite", "v1", {"connectionString": f"file:{path}", "busyTimeout": "30s"}


def _write(path: Path, text: str) -> Path:
    """Write a file that only its owner can read: connection strings hold passwords."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path

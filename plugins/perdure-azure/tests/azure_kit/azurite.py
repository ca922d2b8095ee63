"""Azurite, Microsoft's open stand-in for Azure Blob Storage, for as long as a test needs it.

It is the npm package of that name, installed once per user and version into the cache. The key of
the account is a new one each time. Where Node or the package is missing, the tests say so.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests import npm_packages

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from perdure_azure.stack.certificates import Certificates

# The last version that runs on Node 20.
VERSION: Final = "3.35.0"
ACCOUNT: Final = "perduretest"

_PACKAGE: Final = "azurite"
_MAIN: Final = "azurite/dist/src/blob/main.js"
# Azurite would outlive a test run that is killed; the end of its input ends it too.
_ENDS_WITH_ITS_INPUT: Final = (
    "data:text/javascript,process.stdin.on('end',()=>process.exit(0));process.stdin.resume();"
)
_LISTENING: Final = re.compile(r"successfully listen\w* (?:at|on) https?://127\.0\.0\.1:([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A storage account of a server that runs."""

    port: int
    key: str = field(repr=False)
    name: str = ACCOUNT
    scheme: str = "http"

    @property
    def host(self) -> str:
        """Where its blobs are, without a scheme."""
        return f"127.0.0.1:{self.port}/{self.name}"

    @property
    def url(self) -> str:
        """Where its blobs are."""
        return f"{self.scheme}://{self.host}"

    @property
    def connection_string(self) -> str:
        """What Microsoft's SDKs take."""
        return connection_string(port=self.port, key=self.key, name=self.name)


class Azurite:
    """A server of its own, in memory, on loopback, on a port that was free."""

    def __init__(self, folder: Path, certificates: Certificates | None = None) -> None:
        """Keep its log in ``folder``; with ``certificates``, take Entra's tokens, over TLS."""
        self._folder = folder
        self._certificates = certificates
        self._key = base64.b64encode(os.urandom(64)).decode()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Account:
        """Start it, and return its account."""
        scheme = "https" if self._certificates else "http"
        return Account(port=self.start(), key=self._key, scheme=scheme)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, *, port: int = 0) -> int:
        """Start it, with nothing in it, and return its port."""
        command = ["node", "--import", _ENDS_WITH_ITS_INPUT, str(installed())]
        command.append("--inMemoryPersistence")
        command += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--disableTelemetry"]
        # The SDK speaks a newer version of the protocol than Azurite has heard of.
        command += ["--skipApiVersionCheck"]
        if self._certificates is not None:
            # Of a token it looks at the issuer, the audience and the times, not at the signature.
            command += ["--oauth", "basic", "--cert", str(self._certificates.certificate)]
            command += ["--key", str(self._certificates.key)]
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{self._key}"}
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return self._port_of(self._process)

    def stop(self) -> None:
        """End it at once. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _port_of(self, process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line.decode()
            match = _LISTENING.search(said)
            if match:
                return int(match[1])
        self.stop()
        raise RuntimeError(f"Azurite {VERSION} did not start: {said}")


def connection_string(*, port: int, key: str, name: str = ACCOUNT) -> str:
    """Return how an account is named to Microsoft's SDKs."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{name};"
    )


def why_not() -> str:
    """Return why Azurite cannot be had here, or nothing."""
    return npm_packages.why_not(_PACKAGE, VERSION, program=_MAIN)


def installed() -> Path:
    """Return the program of Azurite, installed if it is not there."""
    return npm_packages.npm_package(_PACKAGE, VERSION, program=_MAIN)


if __name__ == "__main__":
    installed()  # before the tests, which have less time than an installation may take

"""Payloads that Microsoft's SDKs put into Azure Blob Storage: read here, and never written.

Above a threshold they store a text as a blob and send a token in its place: ``blob:v1:`` with the
names of the container and the blob, or ``blob:v2:`` with the blob's URL. A token comes from whoever
may write to the task hub, so it leads to the one container that is named here, and nowhere else.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import zlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from durabletask.payload import (
    LargePayloadStorageOptions,
    PayloadStore,
    deexternalize_payloads,
)

from perdure.errors import (
    ConfigurationError,
    PayloadError,
    PayloadStoreError,
    PayloadTooLargeError,
    PluginError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from urllib.parse import SplitResult

    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobServiceClient
    from google.protobuf.message import Message

SETTING: Final = "PERDURE_AZURE_BLOB_PAYLOADS"
CONTAINER_SETTING: Final = "PERDURE_AZURE_BLOB_CONTAINER"
DEFAULT_CONTAINER: Final = "durabletask-payloads"
MAX_BYTES: Final = 64 * 1024 * 1024

# https://github.com/microsoft/durabletask-dotnet and durabletask-python, BlobPayloadStore in both.
_V1: Final = "blob:v1:"
_V2: Final = "blob:v2:"
_GZIP: Final = b"\x1f\x8b"
_KEPT_CHARACTERS: Final = 16 * 1024 * 1024
_PORTS: Final = {"http": 80, "https": 443}
# After 2, 4 and 8 seconds. The SDK's own take 80 seconds before it says that a server is away.
_RETRIES: Final = 3


def is_token(text: str) -> bool:
    """Return whether ``text`` stands for a payload in Azure Blob Storage; no JSON looks like it."""
    return text.startswith((_V1, _V2))


def open_foreign_payloads(
    *, variables: Mapping[str, str] | None = None, credential: TokenCredential | None = None
) -> ForeignPayloads:
    """Return what reads such payloads, as the variables say. Reaches no server yet.

    Args:
        variables: The environment's, if not given.
        credential: The backend's own, for an account that is named by its URL alone.

    Raises:
        ConfigurationError: The setting is neither a connection string nor a URL of an account.
        PluginError: azure-storage-blob is not installed.
    """
    given = os.environ if variables is None else variables
    text = given.get(SETTING, "").strip()
    container = given.get(CONTAINER_SETTING, "").strip() or DEFAULT_CONTAINER
    account = _open_account(text, credential) if text else None
    return ForeignPayloads(account=account, container=container)


class ForeignPayloads:
    """Turns tokens into the texts that they stand for. Used by several threads at once."""

    def __init__(self, *, account: BlobServiceClient | None, container: str) -> None:
        """Read from a container of ``account``; without one, tokens are told apart and refused."""
        self._account = account
        self._container = container
        self._recent = _Recent()

    @property
    def is_configured(self) -> bool:
        """Whether tokens can be read."""
        return self._account is not None

    async def resolve(self, text: str, *, what: str) -> str:
        """Return what ``text`` stands for; what is no token is returned as it is.

        Args:
            text: A payload as the scheduler has it.
            what: What it is, for messages: ``result of workflow instance 'trip-1'``.

        Raises:
            PayloadError: It cannot be read here: no account is named, it is not there, or damaged.
            PayloadStoreError: The account cannot be reached, or refuses us.
        """
        if not is_token(text):
            return text
        return await asyncio.to_thread(self.resolve_now, text, what=what)

    def check_readable(self, events: Iterable[Any]) -> None:
        """Refuse new events of a history that hold tokens, if they cannot be read here.

        Raises:
            PayloadError: One does.
        """
        if self._account is None:
            for event in events:
                kind = event.WhichOneof("eventType")
                if kind is None:
                    continue  # of a newer protocol
                part = getattr(event, kind)
                for field in ("input", "result"):
                    text = getattr(part, field).value if hasattr(part, field) else ""
                    self.resolve_now(text, what=f"{field} in {type(part).__name__}")

    async def resolve_message(self, message: Message, *, what: str) -> None:
        """Put the texts into every payload of a protobuf message. Leaves tokens if unconfigured.

        Raises as :meth:`resolve`.
        """
        store = self.sdk_store(what=what)
        if store is not None:
            await asyncio.to_thread(deexternalize_payloads, message, store)

    def resolve_now(self, text: str, *, what: str) -> str:
        """Do as :meth:`resolve`, but block."""
        if not is_token(text):
            return text
        kept = self._recent.get(text)
        if kept is None:
            kept = self._read(text, what)
            self._recent.keep(text, kept)
        return kept

    def sdk_store(self, *, what: str = "a payload of a work item") -> PayloadStore | None:
        """Return what durabletask's worker takes as ``payload_store``; None if unconfigured."""
        return None if self._account is None else _ReadOnlyStore(self, what=what)

    def close(self) -> None:
        """Close the connections. May be called twice."""
        if self._account is not None:
            self._account.close()

    def _read(self, token: str, what: str) -> str:
        if self._account is None:
            problem = (
                f"one of Microsoft's SDKs has put it into Azure Blob Storage ({_shown(token)}); to "
                f"read it, set {SETTING} to the connection string or the URL of the storage account"
            )
            raise PayloadError(what=what, problem=problem)
        if token.startswith(_V1):
            container, _, name = token.removeprefix(_V1).partition(":")
        else:
            container, name = self._place_of(token.removeprefix(_V2), what)
        # "." and ".." would be taken out of the URL on the way, and lead to another container.
        if not name or not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise PayloadError(what=what, problem=f"the token {_shown(token)!r} names no blob")
        if container != self._container:
            problem = (
                f"it lies in the container {container!r}, and only {self._container!r} is read; if "
                f"that is right, set {CONTAINER_SETTING}={container}"
            )
            raise PayloadError(what=what, problem=problem)
        return _text_of(self._download(name, what), what)

    def _place_of(self, address: str, what: str) -> tuple[str, str]:
        """Return the container and the name of a blob of this account, by its URL."""
        assert self._account is not None
        base, parts = urlsplit(self._account.url), urlsplit(address)
        folder = base.path.rstrip("/") + "/"
        is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
        if not is_bare or _host(parts) != _host(base) or not parts.path.startswith(folder):
            problem = (
                f"it lies in another storage account than {self._store}, at "
                f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}; set {SETTING} to "
                "that account"
            )
            raise PayloadError(what=what, problem=problem)
        container, _, name = parts.path.removeprefix(folder).partition("/")
        return container, unquote(name)

    def _download(self, name: str, what: str) -> bytes:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        assert self._account is not None
        blob = self._account.get_blob_client(self._container, name)
        try:
            # What .NET has written is marked as gzip; it is unpacked here, where there is a limit.
            stream = blob.download_blob(decompress=False)
            if stream.size > MAX_BYTES:
                raise _too_large(what, stream.size)
            return stream.readall()
        except ResourceNotFoundError as err:
            problem = (
                f"there is no blob {self._container}/{name} in {self._store}: it was deleted, or "
                f"{SETTING} names another account"
            )
            raise PayloadError(what=what, problem=problem) from err
        except AzureError as err:
            problem = str(err).strip().partition("\n")[0].strip()
            raise PayloadStoreError(
                store=f"{self._store}/{self._container}",
                what=what,
                problem=problem,
                setting=SETTING,
            ) from err

    @property
    def _store(self) -> str:
        """The account's URL without a signature, which a connection string may put there."""
        assert self._account is not None
        return self._account.url.partition("?")[0].rstrip("/")


def _shown(token: str) -> str:
    """Return a token without the signature that its URL may bear."""
    return token.partition("?")[0]


class _ReadOnlyStore(PayloadStore):
    """What durabletask's worker asks. It would also store large payloads, so none is large here."""

    def __init__(self, payloads: ForeignPayloads, *, what: str) -> None:
        self._payloads = payloads
        self._what = what
        self._options = LargePayloadStorageOptions(
            threshold_bytes=sys.maxsize, max_stored_payload_bytes=sys.maxsize
        )

    @property
    def options(self) -> LargePayloadStorageOptions:
        return self._options

    def upload(self, data: bytes, *, instance_id: str | None = None) -> str:
        raise NotImplementedError("perdure puts payloads into its own store; see PERDURE_PAYLOADS")

    async def upload_async(self, data: bytes, *, instance_id: str | None = None) -> str:
        return self.upload(data, instance_id=instance_id)

    def download(self, token: str) -> bytes:
        return self._payloads.resolve_now(token, what=self._what).encode()

    async def download_async(self, token: str) -> bytes:
        return (await self._payloads.resolve(token, what=self._what)).encode()

    def is_known_token(self, value: str) -> bool:
        return is_token(value)


class _Recent:
    """The texts of the last tokens. A worker is sent the whole history with every turn."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def get(self, token: str) -> str | None:
        return self._texts.get(token)

    def keep(self, token: str, text: str) -> None:
        with self._lock:
            if token in self._texts or len(text) > _KEPT_CHARACTERS:
                return
            self._texts[token] = text
            self._characters += len(text)
            while self._characters > _KEPT_CHARACTERS:
                oldest = next(iter(self._texts))
                self._characters -= len(self._texts.pop(oldest))


def _open_account(text: str, credential: TokenCredential | None) -> BlobServiceClient:
    try:
        from azure.storage.blob import BlobServiceClient, ExponentialRetry
    except ImportError as err:
        problem = f"{SETTING} needs azure-storage-blob; type: pip install 'perdure-azure[blob]'"
        raise PluginError(plugin="azure", problem=problem) from err
    options: dict[str, Any] = {
        "retry_policy": ExponentialRetry(
            initial_backoff=0, increment_base=2, retry_total=_RETRIES, random_jitter_range=1
        ),
        "connection_timeout": 5,
        "read_timeout": 30,
    }
    # The text may hold a key or a signature, so no message shows it.
    try:
        if not text.startswith(("http://", "https://")):
            return BlobServiceClient.from_connection_string(text, **options)
        has_signature = "?" in text
        return BlobServiceClient(text, None if has_signature else credential, **options)
    except ValueError as err:
        problem = (
            "neither a connection string of a storage account (DefaultEndpointsProtocol=…;"
            "AccountName=…;AccountKey=…) nor its URL (https://NAME.blob.core.windows.net)"
        )
        raise ConfigurationError(setting=SETTING, problem=problem) from err


def _host(parts: SplitResult) -> tuple[str, str | None, int | None]:
    try:
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # its port is no number
        return parts.scheme, None, None


def _text_of(data: bytes, what: str) -> str:
    try:
        # Whether an SDK compresses is its setting, so the blob has to tell; no JSON begins so.
        plain = _unpacked(data, what) if data.startswith(_GZIP) else data
        return plain.decode("utf-8")
    except (UnicodeDecodeError, zlib.error) as err:
        problem = f"what is stored in its blob is damaged ({err}); restore it from a backup"
        raise PayloadError(what=what, problem=problem) from err


def _unpacked(data: bytes, what: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    plain = unpacker.decompress(data, MAX_BYTES + 1)
    if len(plain) > MAX_BYTES:
        raise _too_large(what, len(plain))
    if not unpacker.eof:
        raise zlib.error("it was cut")
    return plain


def _too_large(what: str, size: int) -> PayloadTooLargeError:
    remedy = "let the program that writes it store a file, and pass where that is"
    return PayloadTooLargeError(what=what, size=size, limit=MAX_BYTES, remedy=remedy)

"""A small web server on loopback that remembers what it was asked, for the endpoints of Azure."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from perdure_azure.stack.certificates import Certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: JSON, unless it is a page."""

    status: int = 200
    content: dict[str, Any] = field(default_factory=dict)
    page: str = ""


class WebServer:
    """Answers by :meth:`answer`, which runs on a thread for each connection."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        """Listen on a free port; with ``certificates``, over TLS."""
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self._counting = threading.Lock()
        self._server = _Server(self)
        self._scheme = "http"
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate, certificates.key)
            self._server.context = context
            self._scheme = "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def host(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{self._scheme}://{self.host}"

    def answer(self, request: Request) -> Answer:
        """Return the answer to ``request``."""
        return Answer(status=404, content={"error": f"nothing at {request.path}"})

    def answered(self, request: Request) -> Answer:
        """Return the answer to ``request``, and keep count."""
        with self._counting:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.answer(request)
        finally:
            with self._counting:
                self._at_once -= 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: WebServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self.context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        request, client_address = super().get_request()
        if self.context is not None:
            request = self.context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            )
        return request, client_address

    def finish_request(self, request: Any, client_address: Any) -> None:
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()  # on the connection's own thread
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that distrusts the certificate hangs up, as it should."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        self._serve(dict(parse_qsl(self.rfile.read(length).decode())))

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _serve(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            form=form,
        )
        answer = self.server.owner.answered(request)
        body = (answer.page or json.dumps(answer.content)).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "text/html" if answer.page else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

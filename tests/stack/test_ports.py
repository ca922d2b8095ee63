"""Ports are free when they are chosen, are kept, and are nobody else's."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perdure.stack import LOOPBACK, PortBook

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def book() -> Iterator[PortBook]:
    with contextlib.closing(PortBook({})) as book:
        yield book


def test_no_two_books_give_the_same_port(book: PortBook) -> None:
    with contextlib.closing(PortBook({})) as other:
        ports = [each.take(f"{number}") for number in range(50) for each in (book, other)]
    assert len(set(ports)) == 100


def test_a_server_can_listen_on_a_port_that_is_held(book: PortBook) -> None:
    port = book.take("server.http")
    # As servers do, Go's and Python's among them, this sets SO_REUSEADDR.
    server = socket.create_server((LOOPBACK, port))
    with server, socket.create_connection((LOOPBACK, port)):
        server.accept()[0].close()


def test_a_stranger_finds_a_held_port_taken(book: PortBook) -> None:
    port = book.take("server.http")
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind((LOOPBACK, port))


def test_a_kept_port_is_given_again(book: PortBook) -> None:
    port = book.take("server.http")
    book.close()
    with contextlib.closing(PortBook({"server.http": port})) as again:
        assert again.take("server.http") == port
        assert again.moved == {}


def test_a_kept_port_that_a_stranger_has_moves(book: PortBook) -> None:
    port = book.take("server.http")
    book.close()
    with (
        socket.create_server((LOOPBACK, port)),
        contextlib.closing(PortBook({"server.http": port})) as again,
    ):
        moved = again.take("server.http")
        assert moved != port
        assert again.moved == {"server.http": (port, moved)}


def test_a_kept_port_with_connections_that_linger_is_given_again(book: PortBook) -> None:
    port = book.take("server.http")
    with socket.create_server((LOOPBACK, port)) as server:
        client = socket.create_connection((LOOPBACK, port))
        server.accept()[0].close()  # the side that closes first keeps the port for a while
        client.close()
    book.close()
    with contextlib.closing(PortBook({"server.http": port})) as again:
        assert again.take("server.http") == port


def test_no_port_is_one_that_outgoing_connections_get(book: PortBook) -> None:
    text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    low, high = (int(word) for word in text.split())
    assert [port for port in map(book.take, map(str, range(50))) if low <= port <= high] == []

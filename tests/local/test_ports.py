"""A taken port costs another port, never a crash."""

from __future__ import annotations

import socket

from obzvon.local.ports import HOST, free_port, is_free


def listener(host: str = HOST) -> socket.socket:
    server = socket.socket()
    server.bind((host, 0))
    server.listen()
    return server


def test_the_preferred_port_is_taken_when_it_is_free() -> None:
    with listener() as server:
        port = server.getsockname()[1]
    assert free_port([port]) == port


def test_a_port_somebody_listens_on_is_passed_over_for_the_next() -> None:
    with listener() as taken, listener() as other:
        wanted = other.getsockname()[1]
        other.close()
        assert free_port([taken.getsockname()[1], wanted]) == wanted


def test_a_listener_on_every_address_counts_too() -> None:
    with listener("0.0.0.0") as taken:
        assert not is_free(taken.getsockname()[1])


def test_without_a_free_preferred_port_the_system_gives_one() -> None:
    with listener() as taken:
        port = free_port([taken.getsockname()[1]])
        assert port != taken.getsockname()[1]
        assert is_free(port)

"""Servers on loopback that answer as no dashboard should: one behaviour each."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["BEHAVIOURS", "answering", "serving"]

Behaviour = Callable[[socket.socket, threading.Event], None]


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Behaviour:
    """One whole answer."""

    def answer(client: socket.socket, _: threading.Event) -> None:
        client.recv(65536)
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        client.sendall("\r\n".join(lines).encode() + body)

    return answer


def _silent(_: socket.socket, is_over: threading.Event) -> None:
    is_over.wait()


def _closing(_: socket.socket, __: threading.Event) -> None:
    """Ends the connection at once."""


def _endless(client: socket.socket, is_over: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not is_over.is_set():
        client.sendall(b"x" * 65536)


def _dripping(client: socket.socket, is_over: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not is_over.wait(0.05):
        client.sendall(b"y")


VERSION = json.dumps({"version": "4", "ray_version": ["2.60.0"], "ray_commit": ""}).encode()
BEHAVIOURS: dict[str, Behaviour] = {
    "silent": _silent,
    "closing": _closing,
    "endless": _endless,
    "dripping": _dripping,
    "not HTTP": lambda client, _: client.sendall(b"\0" * 100),
    "huge headers": lambda client, _: client.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
    "no JSON": answering(b"<html>"),
    "not UTF-8": answering(b"\xff\xfe\xff"),
    "a list": answering(b"[]"),
    "another type": answering(VERSION),
    "null": answering(b"null"),
    "deep JSON": answering(b"[" * 100_000),
    "no version": answering(b"{}"),
    "long version": answering(json.dumps({"ray_version": "9" * 10**6}).encode()),
    "large": answering(b" " * (5 << 20)),
    "packed": answering(b"\x1f\x8b\x08\x00", "200 OK", "Content-Encoding: gzip"),
    "elsewhere": answering(b"", "302 Found", "Location: http://127.0.0.1:9/"),
    "error": answering(b"boom", "500 Internal Server Error"),
    "not found": answering(b"", "404 Not Found"),
    "no token": answering(b"", "401 Unauthorized"),
}


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[int]:
    """Its port; every client gets the behaviour, in a thread of its own."""
    is_over, threads = threading.Event(), list[threading.Thread]()

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(5.0)
            behaviour(client, is_over)

    def accept() -> None:
        with suppress(OSError):
            while not is_over.is_set():
                client, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(client,), daemon=True))
                threads[-1].start()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for thread in threads:
        thread.join()

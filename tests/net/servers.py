# SPDX-License-Identifier: BSD-3-Clause
# TCP servers behind the exits, for what a web server does not do: wait, echo, count.

import hashlib
import socket
import threading

TIMEOUT_SECONDS = 120


class TcpServer:
    """Calls `handle(sock)` in a thread of its own for each connection to 127.0.0.1:`port` (0: a free one), closes the
    socket after it. `with TcpServer(handle) as server:`; what a handler returned is in `results`, in the order in
    which they returned, an exception it raised too."""

    def __init__(self, handle, port=0):
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.results = []
        self._sockets = set()
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="tcp server", daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._closing = True
        # Wakes accept(); close() alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_SECONDS)
        self._listener.close()
        with self._lock:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _serve(self):
        while not self._closing:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(TIMEOUT_SECONDS)
            with self._lock:
                self._sockets.add(sock)
            threading.Thread(target=self._run, args=(sock,), name="tcp connection", daemon=True).start()

    def _run(self, sock):
        try:
            result = self._handle(sock)
        except OSError as error:
            result = error
        with self._lock:
            self._sockets.discard(sock)
            self.results.append(result)
        sock.close()


def echo(sock):
    """Sends back what comes; returns how much that was."""
    total = 0
    while data := sock.recv(1 << 16):
        sock.sendall(data)
        total += len(data)
    return total


class Sink:
    """Swallows what comes, and returns (bytes, SHA-256 as hex); but it does not read before `gate` is set."""

    def __init__(self):
        self.gate = threading.Event()

    def __call__(self, sock):
        self.gate.wait(TIMEOUT_SECONDS)
        digest, total = hashlib.sha256(), 0
        while data := sock.recv(1 << 18):
            digest.update(data)
            total += len(data)
        return total, digest.hexdigest()

# SPDX-License-Identifier: BSD-3-Clause
# A directory server that has a made-up directory, and nothing else to connect to.

import ctypes
import functools
import gzip
import hashlib
import lzma
import zlib

from tests.evil import Directory, Link, Relay
from tests.evil.directory import http
from tests.evil.documents import unpadded
from tests.evil.relay import END_DONE, MAX_DATA, RELAY_DATA, RELAY_END, RELAY_SENDME, STREAM_WINDOW

CIRCUIT_WINDOW = 1000
STREAM_STEP, CIRCUIT_STEP = 50, 100  # cells that a SENDME is for

# Nobody but the server is connected to or asked: no relay of the directory may be, for none is there.
TORRC = """UseEntryGuards 0
ReachableAddresses accept {relay.address}:{relay.port}, reject *:*
ClientBootstrapConsensusAuthorityDownloadInitialDelay 600
DirAuthorityFallbackRate 0.0001
"""


@functools.cache
def _libzstd():
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    library.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    return library


def zstd(data):
    room = _libzstd().ZSTD_compressBound(len(data))
    out = ctypes.create_string_buffer(room)
    size = _libzstd().ZSTD_compress(out, room, data, len(data), 3)
    return out.raw[:size]


# By the name that a request has for it.
ENCODERS = {
    "identity": lambda data: data,
    "deflate": lambda data: zlib.compress(data, 6),
    "gzip": lambda data: gzip.compress(data, 6),
    "x-zstd": zstd,
    "x-tor-lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE, preset=1),
}


class ServerLink(Link):
    """Sends answers of any length: as much as windows allow, in one piece."""

    def __init__(self, relay, sock):
        super().__init__(relay, sock)
        self._gathered = None
        self._answers = {}  # from (circuit, stream) to what is left of the answer, and the stream's window
        self._windows = {}  # from circuit to its window

    def send(self, data):
        if self._gathered is None:
            super().send(data)
        else:
            self._gathered.append(data)

    def on_message(self, circuit, command, stream, data):
        if command == RELAY_SENDME and stream == 0:
            self._windows[circuit] += CIRCUIT_STEP
        elif command == RELAY_SENDME and (circuit, stream) in self._answers:
            self._answers[circuit, stream][1] += STREAM_STEP
        else:
            super().on_message(circuit, command, stream, data)
        self._go_on(circuit)

    def on_data(self, circuit, stream, data):
        circuit.streams[stream] += data
        if b"\r\n\r\n" not in circuit.streams[stream]:
            return
        request = circuit.streams.pop(stream).decode("ascii")
        answer = b"".join(self.relay.directory.answer(request.split()[1], request))
        self._windows.setdefault(circuit, CIRCUIT_WINDOW)
        self._answers[circuit, stream] = [answer, STREAM_WINDOW]

    def _go_on(self, circuit):
        self._gathered = []
        for key in [key for key in self._answers if key[0] is circuit]:
            self._send_some(*key)
        gathered, self._gathered = b"".join(self._gathered), None
        self.send(gathered)

    def _send_some(self, circuit, stream):
        answer, window = self._answers[circuit, stream]
        n_cells = min(window, self._windows[circuit], -(-len(answer) // MAX_DATA))
        for start in range(0, n_cells * MAX_DATA, MAX_DATA):
            circuit.send(RELAY_DATA, stream, answer[start:start + MAX_DATA])
        self._windows[circuit] -= n_cells
        self._answers[circuit, stream] = [answer[n_cells * MAX_DATA:], window - n_cells]
        if not self._answers[circuit, stream][0]:
            circuit.send(RELAY_END, stream, bytes((END_DONE,)))
            del self._answers[circuit, stream]


class DirectoryServer:
    """Serves a directory in `encoding`; `with DirectoryServer(directory) as server:`. `torrc` is for a client that
    shall have it from there. The directory's relays shall not have the flag V2Dir, or they would be asked."""

    def __init__(self, directory, encoding="deflate"):
        self._encode = ENCODERS[encoding]
        self._headers = f"Content-Encoding: {encoding}\r\n"
        self._answers = Directory(None)
        for kind in ("certs", "microdescriptors"):
            self._answers.serve(kind, functools.partial(self._answer, kind))
        self._relay = Relay(link=ServerLink, directory=self._answers)
        self._use(directory)

    def __enter__(self):
        self._relay.__enter__()
        return self

    def __exit__(self, *about):
        self._relay.__exit__(*about)

    def _use(self, directory):
        self._directory = directory
        self._microdescriptors = {}
        for relay in directory.relays:
            text = directory.microdescriptor(relay).encode("ascii")
            self._microdescriptors[unpadded(hashlib.sha256(text).digest())] = text
        self._answers.serve("consensus", self._pack(directory.consensus().encode("ascii")))

    def serve_diff(self, diff):
        """Once, in place of the consensus; from then on there is no newer one."""
        bodies = [self._pack(diff.encode("ascii"))]
        none = http(b"", status="304 Not modified")
        self._answers.serve("consensus", lambda path, request: [bodies.pop() if bodies else none])

    @property
    def torrc(self):
        return ("".join(one.torrc_line() for one in self._directory.authorities) + self._relay.fallback_line
                + TORRC.format(relay=self._relay))

    def _pack(self, data):
        return http(self._encode(data), headers=self._headers)

    def _answer(self, kind, path, _request):
        if kind == "certs":
            return [self._pack(self._directory.certificates().encode("ascii"))]
        digests = path.removeprefix("/tor/micro/d/").removesuffix(".z").split("-")
        return [self._pack(b"".join(map(self._microdescriptors.get, digests)))]

# SPDX-License-Identifier: BSD-3-Clause
# A directory server's answers, good or not, for the evil relay to give.

import threading
import time
import zlib

KINDS = {"/tor/status-vote/": "consensus", "/tor/keys/": "certs", "/tor/micro/": "microdescriptors",
         "/tor/server/": "descriptors"}


def http(body, *, status="200 OK", headers="", length=None, ahead=0):
    """A whole answer. length: what Content-Length says, in place of the truth; False leaves it out. ahead: seconds that
    its Date is."""
    lines = [f"HTTP/1.0 {status}", "Date: " + time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + ahead)),
             "Content-Type: text/plain"]
    if length is not False:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return ("\r\n".join(lines) + "\r\n" + headers + "\r\n").encode("ascii") + body


def deflated(body):
    """As real ones answer a request that ends in .z."""
    return http(zlib.compress(body, 9), headers="Content-Encoding: deflate\r\n")


class Directory:
    """Answers by kind of document: "consensus", "certs", "microdescriptors", "descriptors". An answer is all bytes of the
    stream, or a function of (path, request) that gives their parts. `asked` has the (kind, path) of each request so far."""

    def __init__(self, documents):
        self.documents = documents
        self.asked = []
        self._answers = {}
        self._lock = threading.Lock()

    def serve(self, kind, answer):
        """From now on; None: what is right."""
        with self._lock:
            self._answers[kind] = answer

    def count(self, kind):
        with self._lock:
            return sum(each == kind for each, _ in self.asked)

    def answer(self, path, request):
        """The parts of the answer, an iterable of bytes."""
        kind = next(kind for start, kind in KINDS.items() if path.startswith(start))
        with self._lock:
            self.asked.append((kind, path))
            answer = self._answers.get(kind)
        if answer is None:
            return [deflated(self.documents.good(kind, path))]
        return [answer] if isinstance(answer, bytes) else answer(path, request)

# SPDX-License-Identifier: BSD-3-Clause
# What a client of a made-up directory connects to in place of the relays.

import socket


class SilentProxy:
    """A port that takes every connection and says nothing, so that a client waits where it would else try one made-up
    address after the other. Used as a context manager; `address` is for `Directory.torrc`."""

    BACKLOG = 1024

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=self.BACKLOG)
        return self

    def __exit__(self, *_):
        self._listener.close()

    @property
    def address(self):
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

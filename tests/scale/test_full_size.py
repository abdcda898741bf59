# SPDX-License-Identifier: BSD-3-Clause
# A directory of the public network's size in the daemon's cache: it is taken whole, stays small, and each relay's text
# is there when it is asked for.

import pathlib
import socket
import tempfile
import unittest

from tests.net import Cepad
from tests.net.process import wait_until
from tests.scale import SilentProxy, make_directory

N_RELAYS = 10_000
MAX_RSS_KIB = 20 * 1024
ENOUGH = r"Bootstrapped 75% \(enough_dirinfo\)"


class FullSizeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="cepa-scale-keys-"))
        cls.directory = make_directory(N_RELAYS, n_authorities=2, keys=pathlib.Path(folder))

    def start(self):
        proxy = self.enterContext(SilentProxy())
        torrc = self.directory.torrc(proxy.address) + "ControlPort 127.0.0.1:auto\nCookieAuthentication 0\n"
        daemon = Cepad(None, torrc=torrc)
        self.directory.write(daemon.data_dir)
        self.enterContext(daemon)
        daemon.wait_log(ENOUGH, 60)
        return daemon

    def ask(self, daemon, relays):
        """The microdescriptors that the control port gives for these relays."""
        port = int(daemon.wait_log(r"Opened Control listener connection \(ready\) on 127\.0\.0\.1:(\d+)").group(1))
        link = self.enterContext(socket.create_connection(("127.0.0.1", port), 30))
        reader = self.enterContext(link.makefile("r", encoding="ascii", newline="\r\n"))
        link.sendall(b"AUTHENTICATE\r\n" + b"".join(f"GETINFO md/id/{one.fingerprint}\r\n".encode() for one in relays))
        self.assertEqual(reader.readline(), "250 OK\r\n")
        for _ in relays:
            self.assertRegex(reader.readline(), r"^250\+md/id/")
            text = "".join(iter(reader.readline, ".\r\n"))
            self.assertEqual(reader.readline(), "250 OK\r\n")
            yield text.replace("\r\n", "\n")

    def test_memory_and_texts(self):
        daemon = self.start()
        wait_until(lambda: daemon.rss_kib() <= MAX_RSS_KIB, 10, f"at most {MAX_RSS_KIB} KiB of memory")
        relays = self.directory.relays[::1111]
        for relay, text in zip(relays, self.ask(daemon, relays)):
            self.assertEqual(text, self.directory.microdescriptor(relay))
        # What was read for that does not stay.
        wait_until(lambda: daemon.rss_kib() <= MAX_RSS_KIB, 10, f"at most {MAX_RSS_KIB} KiB of memory")
        self.assertNotIn("refused", daemon.log_text())


if __name__ == "__main__":
    unittest.main()

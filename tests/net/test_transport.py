# SPDX-License-Identifier: BSD-3-Clause
# The daemon reaches its relays directly and through proxies, and never around one.

import contextlib
import re
import unittest

from tests.net import Cepad, Network, wait_until
from tests.net.upstream import UpstreamProxy, peers
from tests.net.web import PAGE, free_port

LOGIN = "user:pass word"
# Until a daemon that could reach nothing tries again.
RETRY_SECONDS = 120

MODULE = contextlib.ExitStack()
net = None


def setUpModule():
    global net
    net = MODULE.enter_context(Network(voting_interval=600, extra={"authority": "ORPort [::1]:auto IPv6Only NoAdvertise"}))


def tearDownModule():
    MODULE.close()


def relay_places():
    return {(node.address, node.or_port) for node in net.nodes}


class TransportTest(unittest.TestCase):
    def start(self, torrc):
        return self.enterContext(Cepad(net, torrc=torrc))

    def check_page(self, daemon):
        result = daemon.curl(net.web_url(), timeout=40)
        self.assertEqual((result.returncode, result.body.decode()), (0, PAGE), result)

    def check_through(self, torrc, proxy):
        """A page comes, every connection to a relay is one of the proxy's, and the login is in no log."""
        daemon = self.start(torrc)
        daemon.wait_bootstrapped()
        self.check_page(daemon)
        # Channels that nothing uses stay for minutes: those for the directory are still there.
        self.assertEqual(peers(daemon), {("127.0.0.1", proxy.port)})
        self.assertGreater(len(proxy.targets), 1)
        self.assertLessEqual(set(proxy.targets), relay_places())
        self.assertEqual(proxy.refusals, [])
        text = daemon.log_text() + daemon.output_path.read_text()
        self.assertNotIn("pass word", text)
        self.assertIn("Relays are reached through a", text)

    def check_stuck(self, torrc, message):
        """Nothing is reached, and the log says why."""
        daemon = self.start(torrc)
        daemon.wait_log(message, 30)
        self.assertLessEqual({port for _, port in peers(daemon)} & {port for _, port in relay_places()}, set())
        self.assertNotIn("Bootstrapped 10%", daemon.log_text())
        self.assertNotIn("pass word", daemon.log_text())
        return daemon

    def test_directly(self):
        daemon = self.start("")
        daemon.wait_bootstrapped()
        self.check_page(daemon)
        self.assertTrue(peers(daemon))
        self.assertLessEqual(peers(daemon), relay_places())

    def test_the_other_family(self):
        """At the authorities' IPv4 ports nobody listens, and only they know the directory."""
        places, torrc = set(), "TestingTorNetwork 1\n"
        for node in net.authorities:
            port = re.search(r"Opened OR listener connection \(ready\) on \[::1\]:(\d+)", node.log_text()).group(1)
            places.add(("::1", int(port)))
            torrc += (f"DirAuthority {node.nickname} orport=1 ipv6=[::1]:{port} v3ident={node.v3ident}"
                      f" {node.address}:{node.dir_port} {node.fingerprint}\n")
        daemon = self.enterContext(Cepad(None, torrc=torrc))
        daemon.wait_bootstrapped()
        self.check_page(daemon)
        self.assertTrue(peers(daemon) & places)

    def test_only_ipv4(self):
        node = net.authorities[0]
        daemon = self.enterContext(Cepad(None, torrc=(
            "TestingTorNetwork 1\nPluginOption transport.direct.client-use-ipv6 0\n"
            f"DirAuthority {node.nickname} orport=1 ipv6=[::1]:2 v3ident={node.v3ident} {node.address}:{node.dir_port}"
            f" {node.fingerprint}\n")))
        line = daemon.wait_log(r"transport\.direct: .*", 30).group(0)
        self.assertIn(f"{node.address}:1: Connection refused", line)
        self.assertNotIn("::1", line)

    def test_socks4(self):
        with UpstreamProxy("socks4") as proxy:
            self.check_through(f"Socks4Proxy 127.0.0.1:{proxy.port}\n", proxy)

    def test_socks5(self):
        with UpstreamProxy("socks5") as proxy:
            self.check_through(f"PluginOption transport.direct.socks5-proxy 127.0.0.1:{proxy.port}\n", proxy)

    def test_socks5_with_login(self):
        with UpstreamProxy("socks5", LOGIN) as proxy:
            self.check_through(f"Socks5Proxy 127.0.0.1:{proxy.port}\nSocks5ProxyUsername user\n"
                               "Socks5ProxyPassword pass word\n", proxy)

    def test_https_with_login(self):
        with UpstreamProxy("https", LOGIN) as proxy:
            self.check_through(f"HTTPSProxy 127.0.0.1:{proxy.port}\nHTTPSProxyAuthenticator {LOGIN}\n", proxy)

    def test_wrong_logins(self):
        with UpstreamProxy("socks5", LOGIN) as proxy:
            self.check_stuck(f"Socks5Proxy 127.0.0.1:{proxy.port}\nSocks5ProxyUsername user\nSocks5ProxyPassword no\n",
                             "the SOCKS5 proxy refused the user name or the password")
            self.assertEqual(proxy.targets, [])
        with UpstreamProxy("https", LOGIN) as proxy:
            self.check_stuck(f"HTTPSProxy 127.0.0.1:{proxy.port}\n",
                             "the HTTPS proxy wants a user name and a password, and none are set for it")
            self.assertIn("login", proxy.refusals)

    def test_proxy_is_away_then_comes(self):
        port = free_port("127.0.0.1")
        daemon = self.check_stuck(f"Socks5Proxy 127.0.0.1:{port}\n", "connecting to the SOCKS5 proxy: Connection refused")
        self.assertEqual(peers(daemon), set())
        with UpstreamProxy("socks5", port=port) as proxy:
            daemon.wait_bootstrapped(RETRY_SECONDS)
            self.check_page(daemon)
            self.assertGreater(len(proxy.targets), 1)

    def test_wrong_options(self):
        for torrc, message in {
            "Socks4Proxy 127.0.0.1\nHTTPSProxy 127.0.0.1\n": "at most one proxy",
            "Socks5Proxy 127.0.0.1:99999\n": "socks5-proxy is not HOST or HOST:PORT",
            "Socks5Proxy 127.0.0.1\nSocks5ProxyUsername user\n": "both must be set, or none",
        }.items():
            with self.subTest(torrc):
                daemon = Cepad(net, torrc=torrc)
                daemon.start()
                self.addCleanup(daemon.kill)
                wait_until(lambda: not daemon.alive, 20, "the daemon's end")
                self.assertEqual(daemon.process.returncode, 1)
                self.assertIn(message, daemon.output_path.read_text())


if __name__ == "__main__":
    unittest.main()

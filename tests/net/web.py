# SPDX-License-Identifier: BSD-3-Clause
# The web server behind the exits: nginx with a page, 100 MiB to download, and a place to upload to.

import hashlib
import os
import pathlib
import socket
import threading

from tests.net.process import Child, find_program, wait_until

BIG_NAME = "100M.bin"
BIG_SIZE = 100 * 1024 * 1024
BIG_SEED = b"cepa tests/net 100M.bin"
SLOW_RATE = "200k"  # bytes per second on one connection, below /slow/
PORT_TRIES = 5

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Hello through Tor</title></head>
<body>
<h1>Hello! You came here through Tor.</h1>
<p>This page did not come to you directly.</p>
<p>It went through three relays: an exit asked this server for it, a middle passed it on, and a guard
handed it to you.</p>
<p>Each of them knew only the one before and the one after it: none knew both who you are and what
you read.</p>
</body>
</html>
"""

CONFIG = """\
daemon off;
master_process off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
{user}
events {{ worker_connections 2048; }}
http {{
  access_log {dir}/access.log;
  default_type application/octet-stream;
  types {{ text/html html; text/plain txt; }}
  charset utf-8;
  sendfile on;
  tcp_nopush on;
  client_max_body_size 0;
  client_body_temp_path {dir}/tmp/body;
  proxy_temp_path {dir}/tmp/proxy;
  fastcgi_temp_path {dir}/tmp/fastcgi;
  uwsgi_temp_path {dir}/tmp/uwsgi;
  scgi_temp_path {dir}/tmp/scgi;
  server {{
    {listen}
    root {dir}/www;
    location /upload/ {{ dav_methods PUT; create_full_put_path on; }}
    location /slow/ {{ alias {dir}/www/; limit_rate {slow_rate}; }}
  }}
}}
"""


def ipv6_loopback():
    """Whether this machine has [::1]."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def free_port(*addresses):
    """A TCP port that is free at this moment on every address."""
    for _ in range(100):
        with socket.socket(socket.AF_INET6 if ":" in addresses[0] else socket.AF_INET) as first:
            first.bind((addresses[0], 0))
            port = first.getsockname()[1]
            try:
                for address in addresses[1:]:
                    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as other:
                        other.bind((address, port))
                return port
            except OSError:
                continue
    raise OSError(f"no port is free on all of {addresses}")


class WebServer(Child):
    """nginx on 127.0.0.1 and, where there is IPv6, [::1], on the same port."""

    def __init__(self, directory):
        super().__init__("nginx", pathlib.Path(directory) / "error.log")
        self.dir = pathlib.Path(directory)
        self.port = None
        self.big_sha256 = None
        self._big_failure = None
        self._big_thread = threading.Thread(target=self._make_big, name="100M.bin", daemon=True)

    def start(self):
        """Starts the server. The big file is written by the side: `wait_ready` waits for that."""
        for folder in ("www/upload", "tmp"):
            (self.dir / folder).mkdir(parents=True)
        (self.dir / "www/index.html").write_text(PAGE, encoding="utf-8")
        self._big_thread.start()
        self._launch_on_free_port()

    def _launch_on_free_port(self):
        """Between looking for a free port and taking it, a connection of someone else's may have been given
        it: then another is tried."""
        for _ in range(PORT_TRIES):
            self.port = free_port("127.0.0.1", *(["::1"] if ipv6_loopback() else []))
            mark = self.log_mark()
            self._write_config()
            self._launch_nginx()
            wait_until(lambda: not self.alive or self._answers(), 20, "nginx answering")
            taken = "Address already in use" in self.log.text(mark)
            if self.alive and not taken:
                return
            self.kill()
            if not taken:
                break
        raise RuntimeError(f"nginx did not start:\n{self.log.tail()}\n{(self.dir / 'nginx.out').read_text()}")

    def restart(self):
        """Starts it again on the same port."""
        self._launch_nginx()
        wait_until(self._answers, 20, "nginx answering")

    def _launch_nginx(self):
        argv = [find_program("nginx"), "-c", self.dir / "nginx.conf", "-e", self.log_path, "-p", self.dir]
        self.launch(argv, output_path=self.dir / "nginx.out")

    def wait_ready(self, timeout=60):
        self._big_thread.join(timeout)
        if self.big_sha256 is None:
            raise RuntimeError(f"could not write {BIG_NAME}: {self._big_failure or 'not within the time'}")

    def uploaded(self, name):
        """The file that a PUT to /upload/`name` has left, as a path."""
        return self.dir / "www/upload" / name

    def _make_big(self):
        # SHAKE-128 is a deterministic stream of any length, and its one call runs outside the interpreter's
        # lock.
        try:
            content = hashlib.shake_128(BIG_SEED).digest(BIG_SIZE)
            (self.dir / "www" / BIG_NAME).write_bytes(content)
            self.big_sha256 = hashlib.sha256(content).hexdigest()
        except OSError as error:
            self._big_failure = error

    def _write_config(self):
        listen = [f"listen 127.0.0.1:{self.port};"]
        if ipv6_loopback():
            listen.append(f"listen [::1]:{self.port} ipv6only=on;")
        text = CONFIG.format(dir=self.dir, listen="\n    ".join(listen), slow_rate=SLOW_RATE,
                             user="user root;" if os.geteuid() == 0 else "")
        (self.dir / "nginx.conf").write_text(text, encoding="utf-8")

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

# SPDX-License-Identifier: BSD-3-Clause
# `python3 -m tests.net`: a private network to play with, until Ctrl-C.

import argparse
import signal

from tests.net.network import Network
from tests.net.process import exit_on_signals


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python3 -m tests.net",
                                     description="Runs a private Tor network on loopback until Ctrl-C.")
    parser.add_argument("--authorities", type=int, default=3)
    parser.add_argument("--relays", type=int, default=4)
    parser.add_argument("--exits", type=int, default=3)
    parser.add_argument("--onion", action="store_true", help="also run an onion service")
    parser.add_argument("--voting-interval", type=int, default=20, metavar="SECONDS",
                        help="must divide 30 minutes (default: 20)")
    parser.add_argument("--log-level", default="notice", help="of the relays: notice, info or debug")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE",
                        help="a consensus parameter; may be repeated")
    return parser.parse_args()


def describe(net):
    lines = [f"ready after {net.ready_seconds:.1f} s; files in {net.dir}", ""]
    for node in net.nodes:
        place = f"{node.address}:{node.or_port}"
        lines.append(f"  {node.nickname:8} {node.role:10} {place:22} {node.fingerprint}")
    if net.family:
        lines.append("  one family: " + ", ".join(node.nickname for node in net.family))
    lines += ["", "For a client's torrc:", "", net.client_torrc(),
              f"web server   {net.web_url()}  or, through an exit, {net.web_url(host='web.cepa.test')}",
              f"download     {net.big_url}  (SHA-256 {net.big_sha256})",
              f"slowly       {net.slow_url}",
              f"upload       curl -T FILE {net.upload_url}"]
    if net.onion_address:
        lines.append(f"onion        {net.web_url(host=net.onion_address)}")
    return "\n".join(lines)


def main():
    arguments = parse_arguments()
    params = dict(item.split("=", 1) for item in arguments.param)
    exit_on_signals()
    with Network(arguments.authorities, arguments.relays, arguments.exits, onion=arguments.onion,
                 voting_interval=arguments.voting_interval, params=params, log_level=arguments.log_level,
                 progress=lambda text: print(f"… {text}", flush=True)) as net:
        print(describe(net), "\n\nCtrl-C ends it.", sep="", flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause
# A private Tor network for tests, benchmarks and the demo: `from tests.net import Network, Cepad, curl`.

from tests.net.clients import Cepad, Client, CurlResult, CurlRun, TorClient, curl, curl_start
from tests.net.network import Network, valid_after_of
from tests.net.node import Node
from tests.net.process import Child, ContextSwitches, Log, ProcessDied, wait_until

__all__ = ["Cepad", "Child", "Client", "ContextSwitches", "CurlResult", "CurlRun", "Log", "Network", "Node",
           "ProcessDied", "TorClient", "curl", "curl_start", "valid_after_of", "wait_until"]

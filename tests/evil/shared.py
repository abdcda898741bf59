# SPDX-License-Identifier: BSD-3-Clause
# One private network for all modules of a run: none of them harms it.

import atexit
import contextlib

from tests.net import Network

_stack = contextlib.ExitStack()
_networks = []


def network():
    """The network, started by the first who asks. It ends with the interpreter."""
    if not _networks:
        _networks.append(_stack.enter_context(Network(voting_interval=600)))
        atexit.register(_stack.close)
    return _networks[0]

# In a torrc: authorities wait until the fallback directory has been asked, and no guard is asked in its place.
FALLBACK_FIRST = ("ClientBootstrapConsensusAuthorityDownloadInitialDelay 40\nDirAuthorityFallbackRate 0.000002\n"
                  "ClientBootstrapConsensusMaxInProgressTries 1\nUseEntryGuards 0\n")

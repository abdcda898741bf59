# SPDX-License-Identifier: BSD-3-Clause
# A relay and a directory of ours that break the rules: `from tests.evil import Relay, Directory, Keys`.

from tests.evil.directory import Directory
from tests.evil.documents import Documents, ServerDocuments
from tests.evil.keys import Keys
from tests.evil.relay import Link, Relay

__all__ = ["Directory", "Documents", "Keys", "Link", "Relay", "ServerDocuments"]

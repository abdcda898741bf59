# SPDX-License-Identifier: BSD-3-Clause
# The tests as a Python package, so that they can share tests/net.

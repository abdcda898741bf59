# SPDX-License-Identifier: BSD-3-Clause
# The error that a person at the terminal is told.


class BenchError(Exception):
    """Why there is no figure, with an optional hint what to do."""

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.hint = hint

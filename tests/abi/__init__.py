# SPDX-License-Identifier: BSD-3-Clause
# The interface of plugins: what is recorded of it, the checker, strangers who use it.

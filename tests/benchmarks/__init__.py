# SPDX-License-Identifier: BSD-3-Clause
# What tests/bench is made of.

# SPDX-License-Identifier: BSD-3-Clause
# The short form of `python3 -m tests.stat`, and proof that it sees what is wrong.

import unittest

from tests.stat import chances, draws, rules, statistic

N_DRAWS, N_RULES, N_RELAYS, SEED = 20000, 300000, 1000, 1


class StatisticTest(unittest.TestCase):
    def test_known_values(self):
        """From tables of the chi-square distribution (NIST/SEMATECH e-Handbook, 1.3.6.7.4) to three decimals."""
        for degrees, statistic_value, p in ((1, 3.841, 0.05), (1, 10.828, 0.001), (2, 5.991, 0.05), (10, 18.307, 0.05),
                                            (10, 23.209, 0.01), (50, 67.505, 0.05), (100, 124.342, 0.05),
                                            (100, 77.929, 0.95), (5, 1.145, 0.95)):
            with self.subTest(degrees=degrees, statistic=statistic_value):
                self.assertAlmostEqual(statistic.gamma_q(degrees / 2, statistic_value / 2), p, delta=p * 0.002)

    def test_counts(self):
        self.assertGreater(statistic.chi_square_p({"a": 500, "b": 500}, {"a": 0.5, "b": 0.5}), 0.99)
        self.assertLess(statistic.chi_square_p({"a": 600, "b": 400}, {"a": 0.5, "b": 0.5}), 1e-6)
        self.assertEqual(statistic.chi_square_p({"a": 500, "c": 1}, {"a": 0.5, "b": 0.5}), 0)
        with self.assertRaises(ValueError):
            statistic.chi_square_p({"a": 1}, {"a": 0.5})


class ChancesTest(unittest.TestCase):
    def test_large_is_small(self):
        """Both ways of working chances out agree where both can be used."""
        network, request = rules.small(), rules.Request("web")
        network.relays += [rules.Relay(bandwidth=10, ipv4=(20 + i) << 16) for i in range(4)]
        for policy in ("weighted", "uniform"):
            whole = chances.of_paths(network, request, policy)
            for hop, expected in enumerate(chances.of_large(network, request, policy)):
                got = chances.of_hop(whole, hop)
                for row in set(expected) | set(got):
                    self.assertAlmostEqual(expected.get(row, 0), got.get(row, 0), places=12)


class DrawsTest(unittest.TestCase):
    def judge(self, figures):
        for figure in figures:
            with self.subTest(figure=figure):
                self.assertGreater(figure.p, figure.least)

    def find_figures(self, policy, of_paths):
        return {(figure.request, figure.what): figure.p
                for figure in draws.judge_small(policy, N_DRAWS, SEED, of_paths)}

    def test_small(self):
        for policy in ("weighted", "uniform"):
            self.judge(draws.judge_small(policy, N_DRAWS, SEED))

    def test_large(self):
        for policy in ("weighted", "uniform"):
            self.judge(draws.judge_large(policy, N_RELAYS, 5 * N_DRAWS, SEED))

    def test_no_rule_is_broken(self):
        for policy in ("weighted", "uniform"):
            self.assertEqual(draws.count_violations(policy, N_RELAYS, N_RULES, SEED)[0], 0)

    def test_a_wrong_weight_shows(self):
        """With other chances for one relay each figure that it is in is far too low."""
        def of_paths(network, request, policy):
            network.relays[3].bandwidth = network.relays[3].bandwidth * 5 // 4
            return chances.of_paths(network, request, policy)

        figures = self.find_figures("weighted", of_paths)
        self.assertLess(figures["web", "exit"], 1e-6)
        self.assertLess(figures["web", "whole paths"], 1e-6)
        self.assertGreater(figures["settled-exit", "exit"], 0.99)

    def test_a_wrong_rule_shows(self):
        """A family that the daemon does not know of: paths come that have no chance."""
        def of_paths(network, request, policy):
            network.relays[8].family_ids = {"x:one"}
            return chances.of_paths(network, request, policy)

        figures = self.find_figures("uniform", of_paths)
        self.assertEqual(figures["internal", "whole paths"], 0)
        self.assertGreater(figures["vanguards", "whole paths"], draws.LEAST_P_OF_OTHERS)


if __name__ == "__main__":
    unittest.main()

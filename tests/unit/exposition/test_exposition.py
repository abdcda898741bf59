# SPDX-License-Identifier: BSD-3-Clause
# The checker of the exposition format finds what is wrong.

import unittest

from tests.net.exposition import Exposition

GOOD = """# HELP a_total Says \\\\ and \\n what.
# TYPE a_total counter
a_total{event="x",name="quote \\" and \\\\ and \\n"} 1
a_total{event="y",name=""} 12345678901234567
# HELP b_seconds A histogram.
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 1
b_seconds_bucket{le="2"} 3
b_seconds_bucket{le="+Inf"} 4
b_seconds_sum 9.5
b_seconds_count 4
# HELP c One number.
# TYPE c gauge
c NaN
"""

BAD = {
    "the last line has no end": GOOD[:-1],
    "a second TYPE": GOOD + "# TYPE c gauge\n",
    "comes again": GOOD + "a_total 5\n",
    "is there twice": GOOD + "c 5\n",
    "not a sample": GOOD.replace("c NaN", "c"),
    "is not a number": GOOD.replace("c NaN", "c many"),
    "not labels": GOOD.replace('{event="y"', '{event=y'),
    "a label is there twice": GOOD.replace('{event="y",name=', '{event="y",event='),
    "counters end in _total": GOOD.replace("a_total", "a"),
    "no HELP": GOOD.replace("# HELP c One number.\n", ""),
    "no TYPE": GOOD.replace("# TYPE c gauge\n", ""),
    "no samples": GOOD + "# HELP d D.\n# TYPE d gauge\n",
    "TYPE curve is unknown": GOOD.replace("c gauge", "c curve"),
    "behind samples": GOOD.replace("# TYPE c gauge\nc NaN\n", "c NaN\n# TYPE c gauge\n"),
    "a unit that is not a base one": GOOD.replace("b_seconds", "b_milliseconds"),
    "not cumulative": GOOD.replace('le="2"} 3', 'le="2"} 5'),
    "cumulative up to the count": GOOD.replace("b_seconds_count 4", "b_seconds_count 5"),
    "do not ascend to +Inf": GOOD.replace('b_seconds_bucket{le="+Inf"} 4\n', ""),
    "no sum or no count": GOOD.replace("b_seconds_sum 9.5\n", ""),
    "a value that no counter has": GOOD.replace('name=""} 1234', 'name=""} -1234'),
}


class ExpositionTest(unittest.TestCase):
    def test_good(self):
        text = Exposition(GOOD)
        self.assertEqual([], text.problems)
        self.assertEqual(1, text.get("a_total", event="x", name='quote " and \\ and \n'))
        self.assertEqual(3, text.get("b_seconds", "_bucket", le="2"))
        self.assertEqual(12345678901234568, text["a_total"].sum(event="y"))

    def test_bad(self):
        for what, text in BAD.items():
            with self.subTest(what):
                self.assertIn(what, "\n".join(Exposition(text).problems))


if __name__ == "__main__":
    unittest.main()

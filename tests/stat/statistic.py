# SPDX-License-Identifier: BSD-3-Clause
# Pearson's chi-square test with the standard library alone.

import math

LEAST_EXPECTED = 5


def gamma_q(a, x):
    """The regularized upper incomplete gamma function Q(a, x): a series below a + 1, a continued fraction (Lentz)
    above, as in Abramowitz and Stegun, 6.5.29 and 6.5.31."""
    if x <= 0:
        return 1.0
    scale = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-16:
            n += 1
            term *= x / n
            total += term
        return 1 - scale * total
    tiny = 1e-300
    b = x + 1 - a
    c = 1 / tiny
    d = 1 / b
    fraction = d
    for i in range(1, 1000000):
        factor = -i * (i - a)
        b += 2
        d = factor * d + b
        d = 1 / (d if abs(d) > tiny else tiny)
        c = b + factor / c
        c = c if abs(c) > tiny else tiny
        fraction *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return scale * fraction


def chi_square_p(seen, chances):
    """How likely counts as far from the chances as these are, or further. `seen`: {cell: count}; `chances`: {cell:
    chance}, which add up to 1. Cells of which fewer than five are expected are put together. 0 when an impossible cell
    was seen."""
    total = sum(seen.values())
    if any(chances.get(cell, 0) <= 0 for cell, count in seen.items() if count > 0):
        return 0.0
    if not math.isclose(sum(chances.values()), 1, abs_tol=1e-9):
        raise ValueError(f"the chances add up to {sum(chances.values())}")
    cells = []
    rest_seen = rest_expected = 0.0
    for cell, chance in sorted(chances.items(), key=lambda item: item[1]):
        expected = chance * total
        if expected < LEAST_EXPECTED:
            rest_seen += seen.get(cell, 0)
            rest_expected += expected
        else:
            cells.append((seen.get(cell, 0), expected))
    if rest_expected >= LEAST_EXPECTED:
        cells.append((rest_seen, rest_expected))
    elif rest_expected > 0 and cells:
        cells[0] = (cells[0][0] + rest_seen, cells[0][1] + rest_expected)
    if len(cells) < 2:
        return 1.0
    statistic = sum((count - expected) ** 2 / expected for count, expected in cells)
    return gamma_q((len(cells) - 1) / 2, statistic / 2)

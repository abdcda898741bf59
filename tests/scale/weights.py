# SPDX-License-Identifier: BSD-3-Clause
# The bandwidth-weights of a consensus (dir-spec 3.8.3, "Computing Bandwidth Weights").

SCALE = 10000
NAMES = ("Wbd", "Wbe", "Wbg", "Wbm", "Wdb", "Web", "Wed", "Wee", "Weg", "Wem", "Wgb", "Wgd", "Wgg", "Wgm", "Wmb",
         "Wmd", "Wme", "Wmg", "Wmm")


def sum_classes(relays):
    """The bandwidths G, M, E, D of guards, neither, exits, both. Each begins with 1, as of method 26."""
    sums = {"g": 1, "m": 1, "e": 1, "d": 1}
    for relay in relays:
        is_exit = "Exit" in relay.flags and "BadExit" not in relay.flags
        is_guard = "Guard" in relay.flags
        sums["d" if is_exit and is_guard else "e" if is_exit else "g" if is_guard else "m"] += relay.bandwidth
    return sums["g"], sums["m"], sums["e"], sums["d"]


def _divide(a, b):
    """As C's integers do: towards zero."""
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def _solve_plenty(g, m, e, _d):
    """Case 1: neither guards nor exits are scarce."""
    third = SCALE // 3
    wee, wmg = _divide(SCALE * (e + g + m), 3 * e), _divide(SCALE * (2 * g - e - m), 3 * g)
    return {"Wgd": third, "Wed": third, "Wmd": third, "Wee": wee, "Wme": SCALE - wee, "Wmg": wmg, "Wgg": SCALE - wmg}


def _solve_both_scarce(g, m, e, d):
    """Case 2."""
    if min(e, g) + d < max(e, g):
        return {"Wgg": SCALE, "Wee": SCALE, "Wmg": 0, "Wme": 0, "Wmd": 0,
                "Wed": SCALE if e < g else 0, "Wgd": 0 if e < g else SCALE}
    wed = _divide(SCALE * (d - 2 * e + 4 * g - 2 * m), 3 * d)
    found = {"Wee": _divide(SCALE * (e - g + m), e), "Wed": wed, "Wme": _divide(SCALE * (g - m), e), "Wmg": 0,
             "Wgg": SCALE, "Wmd": (SCALE - wed) // 2, "Wgd": (SCALE - wed) // 2}
    if all(0 <= value <= SCALE for value in found.values()):
        return found
    wed = _divide(SCALE * (d - 2 * e + g + m), 3 * d)
    wmd = 0 if 3 * m > g + m + e + d else _divide(SCALE * (d - 2 * m + g + e), 3 * d)
    return {"Wgg": SCALE, "Wee": SCALE, "Wed": wed, "Wmd": wmd, "Wme": 0, "Wmg": 0, "Wgd": SCALE - wed - wmd}


def _solve_guards_scarce(g, m, e, d):
    """Case 3, of guards."""
    if 3 * (g + d) < g + m + e + d:
        wme = 0 if e < m else _divide(SCALE * (e - m), 2 * e)
        return {"Wgg": SCALE, "Wgd": SCALE, "Wmd": 0, "Wed": 0, "Wmg": 0, "Wme": wme, "Wee": SCALE - wme}
    wgd, wee = _divide(SCALE * (d - 2 * g + e + m), 3 * d), _divide(SCALE * (e + m), 2 * e)
    return {"Wgg": SCALE, "Wgd": wgd, "Wmg": 0, "Wee": wee, "Wme": SCALE - wee, "Wmd": (SCALE - wgd) // 2,
            "Wed": (SCALE - wgd) // 2}


def _solve_exits_scarce(g, m, e, d):
    """Case 3, of exits."""
    if 3 * (e + d) < g + m + e + d:
        wmg = 0 if g < m else _divide(SCALE * (g - m), 2 * g)
        return {"Wee": SCALE, "Wed": SCALE, "Wmd": 0, "Wgd": 0, "Wme": 0, "Wmg": wmg, "Wgg": SCALE - wmg}
    wed, wgg = _divide(SCALE * (d - 2 * e + g + m), 3 * d), _divide(SCALE * (g + m), 2 * g)
    return {"Wee": SCALE, "Wed": wed, "Wme": 0, "Wgg": wgg, "Wmg": SCALE - wgg, "Wmd": (SCALE - wed) // 2,
            "Wgd": (SCALE - wed) // 2}


def compute_weights(g, m, e, d):
    """All of NAMES, a dict."""
    third_of = g + m + e + d
    guards_scarce, exits_scarce = 3 * g < third_of, 3 * e < third_of
    if guards_scarce and exits_scarce:
        found = _solve_both_scarce(g, m, e, d)
    elif guards_scarce:
        found = _solve_guards_scarce(g, m, e, d)
    elif exits_scarce:
        found = _solve_exits_scarce(g, m, e, d)
    else:
        found = _solve_plenty(g, m, e, d)
    found.update({"Wbd": found["Wmd"], "Wbg": found["Wmg"], "Wbe": found["Wme"], "Wbm": SCALE, "Wmm": SCALE,
                  "Wgm": found["Wgg"], "Wem": found["Wee"], "Weg": found["Wed"],
                  "Wgb": SCALE, "Wmb": SCALE, "Web": SCALE, "Wdb": SCALE})
    return {name: found[name] for name in NAMES}

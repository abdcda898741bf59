# SPDX-License-Identifier: BSD-3-Clause
# How likely each path is, by the rules alone: settled relays, then the last, the first, those between, each in
# proportion to its weight among those that keep the rules beside the relays taken before it and leave a path.

import collections

from tests.stat import rules


def weigh(network, policy, row, place):
    """What a policy gives: path.weighted the weights of the consensus, path.uniform the same to all."""
    return network.weight(row, place) if policy == "weighted" else 1.0


class Walk:
    """Whole paths of a small network."""

    def __init__(self, network, request, policy):
        self.network, self.request, self.policy = network, request, policy
        settled = [hop for hop, row in enumerate(request.fixed) if row != rules.ANY]
        others = [request.hops - 1, *range(request.hops - 1)]
        self.order = settled + [hop for hop in others if hop not in settled]
        self.n_settled = len(settled)
        self.stands = {hop: [row for row in range(len(network.relays)) if network.may_stand(request, hop, row)]
                       for hop in range(request.hops)}
        self.possible = {}

    def fitting(self, taken):
        hop = self.order[len(taken)]
        return [row for row in self.stands[hop]
                if all(self.network.may_share(self.request, hop, row, self.order[i], other)
                       for i, other in enumerate(taken))]

    def is_possible(self, taken):
        if len(taken) == self.request.hops:
            return True
        if taken not in self.possible:
            self.possible[taken] = any(self.is_possible(taken + (row,)) for row in self.fitting(taken))
        return self.possible[taken]

    def weights(self, taken):
        hop = self.order[len(taken)]
        rows = [row for row in self.fitting(taken) if self.is_possible(taken + (row,))]
        if len(taken) < self.n_settled:
            return {row: 1.0 for row in rows}
        if hop == 0 and self.request.guards:
            return {row: 1.0 for row in [guard for guard in self.request.guards if guard in rows][:1]}
        return {row: weigh(self.network, self.policy, row, self.request.place(hop)) for row in rows}

    def fill(self, taken, chance, chances):
        if len(taken) == self.request.hops:
            chances[tuple(taken[self.order.index(hop)] for hop in range(self.request.hops))] = chance
            return
        weights = self.weights(taken)
        total = sum(weights.values())
        for row, weight in weights.items():
            self.fill(taken + (row,), chance * weight / total, chances)


def of_paths(network, request, policy):
    """{(row of each hop): chance} of all paths."""
    chances = {}
    Walk(network, request, policy).fill((), 1.0, chances)
    return chances


def of_hop(chances, hop):
    """{row: chance} of one hop, from those of paths; or counts from counts."""
    result = collections.defaultdict(float)
    for path, chance in chances.items():
        result[path[hop]] += chance
    return dict(result)


def find_conflicts(network):
    """For each row the others of its family or subnet, and itself."""
    groups = collections.defaultdict(set)
    for row, relay in enumerate(network.relays):
        groups["4", relay.ipv4 >> 16].add(row)
        for family in relay.family_ids:
            groups["f", family].add(row)
        if relay.ipv6 is not None:
            groups["6", tuple(relay.ipv6.split(":")[:2])].add(row)
    conflicts = [{row} | {other for other in relay.family if row in network.relays[other].family}
                 for row, relay in enumerate(network.relays)]
    for members in groups.values():
        for row in members:
            conflicts[row] |= members
    return conflicts


def of_large(network, request, policy):
    """The chances of the guard, the middle and the exit of a general path of three in a network so large that whatever
    is drawn leaves a path: [{row: chance}] by hop."""
    n = len(network.relays)
    conflicts = find_conflicts(network)
    weights = [{row: weigh(network, policy, row, request.place(hop)) for row in range(n)
                if network.may_stand(request, hop, row)} for hop in range(3)]
    guards, middles, exits = weights
    sums = [sum(place.values()) for place in weights]
    exit_chance = {row: weight / sums[2] for row, weight in exits.items()}
    # Of a guard beside each exit.
    per_guard_weight = {row: exit_chance[row] / (sums[0] - sum(guards.get(other, 0) for other in conflicts[row]))
                        for row in exits}
    all_exits = sum(per_guard_weight.values())
    guard_chance = {row: weight * (all_exits - sum(per_guard_weight.get(other, 0) for other in conflicts[row]))
                    for row, weight in guards.items()}
    # Of a middle beside each exit and guard: the weight of those that neither rules out.
    lost = [sum(middles.get(other, 0) for other in conflicts[row]) for row in range(n)]
    both = collections.defaultdict(float)
    for row, weight in middles.items():
        near = [other for other in conflicts[row] if other in exits]
        for guard in conflicts[row]:
            if guard in guards:
                for other in near:
                    both[other, guard] += weight
    by_exit, by_guard, by_pair = collections.defaultdict(float), collections.defaultdict(float), {}
    near_pairs = set(both)
    for last, share in per_guard_weight.items():
        left = sums[1] - lost[last]
        barred = conflicts[last]
        total = 0.0
        for guard, weight in guards.items():
            if guard in barred:
                continue
            pair = (last, guard)
            is_near = pair in near_pairs
            value = share * weight / (left - lost[guard] + (both[pair] if is_near else 0))
            total += value
            by_guard[guard] += value
            if is_near:
                by_pair[pair] = value
        by_exit[last] = total
    everything = sum(by_exit.values())
    middle_chance = {}
    for row, weight in middles.items():
        near = conflicts[row]
        value = everything - sum(by_exit.get(other, 0) + by_guard.get(other, 0) for other in near)
        for last in near:
            if last in exits:
                value += sum(by_pair.get((last, guard), 0) for guard in near)
        middle_chance[row] = weight * value
    return [guard_chance, middle_chance, exit_chance]

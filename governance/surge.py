"""Many incidents at once: who goes where so that all together wait least, against sending one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from governance.dispatch import Ring
from governance.incident import Severity

_UNSENT_S = 10_000_000
"""What an incident of the least severity counts for when nobody is sent: more than any sum of ways saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Somebody who could be sent to an incident: a candidate of its ranking."""

    worker_id: int
    ring: Ring
    eta_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An incident to which nobody has been sent, with its candidates in the order of the rules."""

    no: str
    severity: Severity
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who goes where (worker id by incident number), whose incident stays without anybody, and what it takes.

    `cost_s` adds up travel times and, for each ring further out, the policy's seconds; `travel_s` the times alone.
    """

    sent: Mapping[str, int]
    unsent: tuple[str, ...]
    cost_s: int
    travel_s: int


def one_by_one(waiting: Sequence[Waiting], *, ring_s: int) -> Plan:
    """What pressing the key for one after the other does: each gets the first of its candidates who is still free."""
    taken: set[int] = set()
    chosen: dict[str, Option] = {}
    for incident in waiting:
        option = next((option for option in incident.options if option.worker_id not in taken), None)
        if option is not None:
            taken.add(option.worker_id)
            chosen[incident.no] = option
    return _plan(waiting, chosen, ring_s=ring_s)


def plan(waiting: Sequence[Waiting], *, ring_s: int) -> Plan:
    """The matching that leaves as few as can be without anybody, the gravest last, and then costs least in sum.

    Nobody gets two. Exact: a minimum-weight full matching (Jonker and Volgenant's method on a sparse matrix, as scipy
    has it), in which each incident may also be matched with nobody at the price of its severity.
    """
    rows = [incident for incident in waiting if incident.options]
    if not rows:
        return _plan(waiting, {}, ring_s=ring_s)
    column = {worker: n for n, worker in enumerate(sorted({o.worker_id for w in rows for o in w.options}))}
    cells = [
        (row, column[option.worker_id], option)
        for row, incident in enumerate(rows)
        for option in _cheapest(incident.options, ring_s).values()
    ]
    unsent = [len(column) + row for row in range(len(rows))]
    # Weights of zero would be no edges at all.
    weight = [1 + cost_s(option, ring_s) for _, _, option in cells]
    weight += [1 + _UNSENT_S * (1 + len(Severity) - incident.severity) for incident in rows]
    at = ([row for row, _, _ in cells] + list(range(len(rows))), [place for _, place, _ in cells] + unsent)
    matrix = csr_array((np.array(weight, dtype=np.float64), at), shape=(len(rows), len(column) + len(rows)))
    at_row, at_column = min_weight_full_bipartite_matching(matrix)
    matched = dict(zip(at_row.tolist(), at_column.tolist(), strict=True))
    chosen = {rows[row].no: option for row, place, option in cells if matched[row] == place}
    return _plan(waiting, chosen, ring_s=ring_s)


def cost_s(option: Option, ring_s: int) -> int:
    """Travel time, and `ring_s` for each ring that the post lies further out."""
    return option.eta_s + ring_s * (option.ring - Ring.OWN)


def _cheapest(options: Sequence[Option], ring_s: int) -> dict[int, Option]:
    cheapest: dict[int, Option] = {}
    for option in sorted(options, key=lambda option: (cost_s(option, ring_s), option.worker_id)):
        cheapest.setdefault(option.worker_id, option)
    return cheapest


def _plan(waiting: Sequence[Waiting], chosen: Mapping[str, Option], *, ring_s: int) -> Plan:
    return Plan(
        sent={no: option.worker_id for no, option in chosen.items()},
        unsent=tuple(incident.no for incident in waiting if incident.no not in chosen),
        cost_s=sum(cost_s(option, ring_s) for option in chosen.values()),
        travel_s=sum(option.eta_s for option in chosen.values()),
    )

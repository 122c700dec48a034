"""Many incidents at once: the joint plan against sending one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.crowd import spent_ms
from governance.dispatch import Ring
from governance.incident import Severity
from governance.surge import Option, Waiting, one_by_one, plan

_RING_S = 600


def measure(*, quick: bool) -> list[dict[str, Any]]:
    """For waves of incidents with scarce responders: both times, and by how much the plan costs less."""
    rows = []
    for incidents, workers in ((50, 60), (200, 220), (1000, 1100))[: 1 if quick else 3]:
        waiting = _wave(incidents, workers)
        found = [plan(waiting, ring_s=_RING_S), one_by_one(waiting, ring_s=_RING_S)]
        joint_ms = spent_ms(lambda waiting=waiting: plan(waiting, ring_s=_RING_S))
        alone_ms = spent_ms(lambda waiting=waiting: one_by_one(waiting, ring_s=_RING_S))
        joint, alone = found
        saved = 1 - joint.travel_s / alone.travel_s if len(joint.sent) == len(alone.sent) else None
        more = len(joint.sent) - len(alone.sent)
        told = f"travel {saved:.0%} less" if saved is not None else f"{more} more sent, of {incidents}"
        rows.append(
            {
                "name": f"plan of {incidents} with {workers}",
                "p50": joint_ms,
                "p99": alone_ms,
                "ratio": joint_ms / alone_ms,
                "note": f"plan, then one by one; {told}",
            }
        )
    return rows


def _wave(incidents: int, workers: int) -> list[Waiting]:
    rng = np.random.default_rng(incidents)
    places, posts = rng.uniform(0, 4000, (incidents, 2)), rng.uniform(0, 4000, (workers, 2))
    waiting = []
    for n, place in enumerate(places):
        metres = np.hypot(*(posts - place).T)
        nearest = np.argsort(metres)[:30]
        rings = [Ring(int(min(5, 1 + metres[w] // 300))) for w in nearest]
        options = [
            Option(worker_id=int(w), ring=ring, eta_s=int(metres[w]))
            for ring, w in sorted(zip(rings, nearest, strict=True), key=lambda pair: (pair[0], metres[pair[1]]))
        ]
        severity = Severity(int(rng.integers(1, 5)))
        waiting.append(Waiting(no=f"{severity}-{n}", severity=severity, options=tuple(options)))
    return sorted(waiting, key=lambda incident: incident.no)

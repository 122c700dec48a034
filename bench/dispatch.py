"""Whom to send, measured: recommend, claim and a whole HTTP dispatch, ways and plans, each against named peers.

`python -m bench.dispatch [--quick] [--png FILE]` prints a table; it passes or fails nothing. Peers take turns with the
product on the same incidents, so that what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from bench import peers, storm, waves, ways, web
from bench.crowd import DISPATCHER, NOW, cluster, county, p50_p99, reports, spent_ms
from bench.lines import Line, table
from bench.picture import draw
from db import candidates
from db.policies import policy_in_force
from db.session import Database
from db.sql import statement
from governance.policy import rules_for


def main() -> None:
    """Measures everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: whether it runs at all")
    parser.add_argument("--png", type=Path, help="also draw the table into this file")
    chosen = parser.parse_args()
    sizes = [4_511, 9_022] if chosen.quick else [4_511, 100_000, 1_000_000]
    rounds = 10 if chosen.quick else 100
    lines: list[Line] = []
    with cluster() as server:
        own: dict[int, float] = {}
        databases = {}
        for size in sizes:
            print(f"{size:,} workers …", flush=True)
            databases[size] = county(server, size)
            lines += near(databases[size], size, rounds, own)
        smallest = sizes[0]
        lines += scale(databases, rounds)
        lines += [Line(group="HTTP", **row) for row in web.measure(databases[smallest], rounds)]
        lines += [Line(group="ways", **row) for row in ways.measure(databases[smallest], rounds)]
        lines += [Line(group="plan", **row) for row in waves.measure(quick=chosen.quick)]
        table(lines)
        if chosen.png:
            draw(lines, chosen.png)
        seconds = 3 if chosen.quick else 20
        for pause_s, seed in ((1.0, 23), (0.0, 29)):
            storm.run(databases[smallest], seconds=seconds, pause_s=pause_s, seed=seed)


def near(database: Database, size: int, rounds: int, own: dict[int, float]) -> list[Line]:
    """Recommending and claiming at one size, against those who answer the question or a part of it."""
    group = f"{size:,} workers"
    numbers = reports(database, rounds + 5)
    with database.session(DISPATCHER) as session:
        needs = [candidates.need_of(session, no) for no in numbers]
        questions = []
        for need in needs:
            policy = policy_in_force(session)
            questions.append(peers.asked(need, rules_for(policy, need.class_code, need.skills)[0]))
    peers.prepare_geography(database)
    in_process = peers.tree(database)
    with peers.redis() as redis, database.session(DISPATCHER) as session:
        if redis is not None:
            redis.fill(database)

        def recommend(n: int) -> None:
            candidates.recommend(session, needs[n].no, principal=DISPATCHER, now=NOW)

        others: dict[str, tuple[Callable[[int], object], str]] = {
            "naive SQL": (lambda n: peers.naive(database, questions[n]), "the whole question but ways by road"),
            "geography KNN": (lambda n: peers.geography(database, questions[n]), "no rings, no counts, no ways"),
            "scipy cKDTree": (lambda n: in_process(needs[n]), "no rules, no rings, shares nothing"),
        }
        if redis is not None:
            others["Redis GEOSEARCH"] = (lambda n: redis.near(needs[n]), "no rules, no rings, one kilometre")
        times: dict[str, list[float]] = {"recommend": [], **{name: [] for name in others}}
        for n in range(5):
            recommend(n)
        for n in range(5, rounds + 5):
            times["recommend"].append(spent_ms(lambda n=n: recommend(n)))
            for name, (call, _) in others.items():
                if name != "naive SQL" or n % 10 == 5:
                    times[name].append(spent_ms(lambda n=n, call=call: call(n)))
    own[size] = p50_p99(times["recommend"])[0]
    lines = [
        Line(group=group, name="recommend", **_of(times["recommend"]), note="rings, rules, ways, counts", is_own=True)
    ]
    for name, (_, note) in others.items():
        figures = _of(times[name])
        lines.append(Line(group=group, name=name, ratio=figures["p50"] / own[size], **figures, note=note))
    claims = claim(database, rounds)
    lines.append(Line(group=group, name="claim", **_of(claims), note="one statement and its commit", is_own=True))
    return lines


def scale(databases: dict[int, Database], rounds: int) -> list[Line]:
    """Recommending at every size by turns, so that the ratio is not that of two moments."""
    numbers = {size: reports(database, rounds + 5, seed=31) for size, database in databases.items()}
    times: dict[int, list[float]] = {size: [] for size in databases}
    for n in range(rounds + 5):
        for size, database in databases.items():
            with database.session(DISPATCHER) as session:
                spent = spent_ms(
                    lambda session=session, no=numbers[size][n]: candidates.recommend(
                        session, no, principal=DISPATCHER, now=NOW
                    )
                )
            if n >= 5:
                times[size].append(spent)
    smallest = _of(times[min(databases)])["p50"]
    return [
        Line(
            group="scale, by turns",
            name=f"recommend at {size:,}",
            **(figures := _of(spent)),
            ratio=figures["p50"] / smallest,
            note="over the smallest",
        )
        for size, spent in times.items()
    ]


def claim(database: Database, rounds: int) -> list[float]:
    """Claims of the first of ten, each given back outside of the measurement."""
    with database.engine.connect() as connection:
        free = connection.execute(
            text("SELECT worker_id FROM responder WHERE on_duty AND load < cap ORDER BY worker_id LIMIT 10")
        )
        workers = [row.worker_id for row in free]
    times = []
    for _ in range(rounds):
        taken: list[int] = []

        def take(taken: list[int] = taken) -> None:
            with database.session(DISPATCHER) as session:
                taken += session.scalars(statement("claim"), {"workers": workers, "cap": 100, "now": NOW}).all()

        times.append(spent_ms(take))
        with database.engine.begin() as connection:
            connection.execute(
                text("UPDATE responder SET load = load - 1 WHERE worker_id = ANY (:taken)"), {"taken": taken}
            )
    return times


def _of(times: list[float]) -> dict[str, float]:
    p50, p99 = p50_p99(times)
    return {"p50": p50, "p99": p99}


if __name__ == "__main__":
    main()

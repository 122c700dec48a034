from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from governance.dispatch import Ring
from governance.incident import Severity
from governance.surge import Option, Plan, Waiting, cost_s, one_by_one, plan

RING_S = 600
OPTIONS = st.lists(
    st.builds(
        Option, worker_id=st.integers(1, 5), ring=st.sampled_from(Ring), eta_s=st.sampled_from([0, 60, 300, 600, 1800])
    ),
    max_size=4,
    unique_by=lambda option: option.worker_id,
)
CROWDS = st.lists(st.tuples(st.sampled_from(Severity), OPTIONS), max_size=5).map(
    lambda drawn: [
        Waiting(no=f"I{n}", severity=severity, options=tuple(options)) for n, (severity, options) in enumerate(drawn)
    ]
)


def brute_force(waiting: list[Waiting]) -> int:
    """The least cost of all the ways to send, nobody twice; an incident without anybody costs by its severity."""
    best: int | None = None
    for choice in product(*((None, *incident.options) for incident in waiting)):
        workers = [option.worker_id for option in choice if option is not None]
        if len(set(workers)) < len(workers):
            continue
        total = sum(
            10_000_000 * (5 - incident.severity) if option is None else cost_s(option, RING_S)
            for incident, option in zip(waiting, choice, strict=True)
        )
        best = total if best is None else min(best, total)
    return best or 0


def total(waiting: list[Waiting], found: Plan) -> int:
    severity = {incident.no: incident.severity for incident in waiting}
    return found.cost_s + sum(10_000_000 * (5 - severity[no]) for no in found.unsent)


@given(waiting=CROWDS)
def test_the_plan_is_as_good_as_any(waiting: list[Waiting]):
    """Over every way to send, none leaves less undone or costs less; all go to one place, as a candidate of it."""
    found = plan(waiting, ring_s=RING_S)
    assert total(waiting, found) == brute_force(waiting)
    assert len(set(found.sent.values())) == len(found.sent)
    for incident in waiting:
        if incident.no in found.sent:
            assert found.sent[incident.no] in {option.worker_id for option in incident.options}
    assert set(found.sent) | set(found.unsent) == {incident.no for incident in waiting}


@given(waiting=CROWDS)
def test_together_is_never_worse_than_one_by_one(waiting: list[Waiting]):
    """The joint plan never leaves more undone and never costs more than pressing the key for one after the other."""
    assert total(waiting, plan(waiting, ring_s=RING_S)) <= total(waiting, one_by_one(waiting, ring_s=RING_S))


@given(waiting=CROWDS)
def test_one_by_one_takes_the_first_who_is_free(waiting: list[Waiting]):
    """One by one, each incident in its turn gets the first of its candidates whom none before it took."""
    found = one_by_one(waiting, ring_s=RING_S)
    taken: set[int] = set()
    for incident in waiting:
        free = [option.worker_id for option in incident.options if option.worker_id not in taken]
        assert found.sent.get(incident.no) == (free[0] if free else None)
        taken |= set(free[:1])


def test_the_gravest_is_not_the_one_left():
    """One responder for two: the graver incident gets them, however far they are from it."""
    far = Option(worker_id=1, ring=Ring.ANYONE, eta_s=3600)
    near = Option(worker_id=1, ring=Ring.OWN, eta_s=10)
    waiting = [
        Waiting(no="small", severity=Severity.IV, options=(near,)),
        Waiting(no="grave", severity=Severity.I, options=(far,)),
    ]
    assert plan(waiting, ring_s=RING_S).sent == {"grave": 1}


def test_a_step_aside_saves_the_sum():
    """The nearest of one is left to the other, whose second choice is far: the sum of ways is what counts."""
    waiting = [
        Waiting(
            no="a",
            severity=Severity.II,
            options=(Option(worker_id=1, ring=Ring.OWN, eta_s=60), Option(worker_id=2, ring=Ring.OWN, eta_s=90)),
        ),
        Waiting(
            no="b",
            severity=Severity.II,
            options=(Option(worker_id=1, ring=Ring.OWN, eta_s=60), Option(worker_id=3, ring=Ring.OWN, eta_s=900)),
        ),
    ]
    assert plan(waiting, ring_s=RING_S).sent == {"a": 2, "b": 1}
    assert one_by_one(waiting, ring_s=RING_S).travel_s - plan(waiting, ring_s=RING_S).travel_s == 810

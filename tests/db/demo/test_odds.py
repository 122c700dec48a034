from __future__ import annotations

from collections import Counter

import numpy as np

from db.demo.odds import Odds


def test_things_come_up_as_often_as_their_weights_say():
    """Weights needn't sum to one, and what weighs nothing never comes."""
    odds = Odds.of({"often": 6.0, "seldom": 2.0, "never": 0.0})
    rng = np.random.default_rng(1)

    drawn = Counter(odds.draw(rng) for _ in range(8000))

    assert drawn["never"] == 0
    assert abs(drawn["often"] / drawn["seldom"] - 3) < 0.3


def test_same_seed_draws_the_same():
    """Chance comes from the generator alone."""
    odds = Odds.of(dict.fromkeys(range(9), 1.0))

    first, second = (
        [odds.draw(rng) for _ in range(50)] for rng in (np.random.default_rng(4), np.random.default_rng(4))
    )

    assert first == second

from __future__ import annotations

from geo.features import FEATURE_TYPES, Kind
from governance.offered import VALUES


def test_every_filter_of_codes_says_what_it_takes():
    """Only flags and the deployment's own classes have no list of values."""
    for key, kind in FEATURE_TYPES.items():
        codes = {p.name for p in kind.properties if p.is_filter and p.kind is not Kind.FLAG}
        assert set(VALUES[key]) == codes - {"class", "major"}, key

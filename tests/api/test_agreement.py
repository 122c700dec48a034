"""One filter, one answer: what the tree counts, the list shows, layers and tiles draw and the export holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import db.accounts
from api.app import Context
from db import features, territory
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from geo.features import FEATURE_TYPES, FeatureFilter
from governance.access import SYSTEM, Principal, Role
from layers.catalog import LAYERS
from layers.spec import Source
from tests.api.conftest import NOW, Clients
from tests.people import RUSONG

WORDS = ("", "路", "供暖", "小区", "1", "社区", "QA2026", "王", "139", "没有这样的")
PRIMARY = {key: next(iter(spec.symbols[0].where)) for key, spec in LAYERS.items()}
ASKERS = {
    "dispatcher": Principal(account="dispatcher", role=Role.DISPATCHER),
    "officer": Principal(account="officer", role=Role.OFFICER, grid_prefix=RUSONG),
}


@pytest.fixture(scope="module")
def whole(server: Any, county_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """The demo county with a token for each asker, and clients of its API."""
    with server.clone(county_template) as database:
        tokens = {
            name: db.accounts.create_token(
                database, SYSTEM, name=name, role=who.role, grid_prefix=who.grid_prefix, now=NOW
            )
            for name, who in ASKERS.items()
        }
        folder = tmp_path_factory.mktemp("agreement")
        context = Context(
            database=database, feed=ChangeFeed(database), settings=Settings(data_dir=folder), clock=lambda: NOW
        )
        yield database, Clients(context, tokens)


def chosen(data: st.DataObject, database: Database, key: str) -> FeatureFilter:
    """A filter as the map's widgets put one together."""
    with database.session(SYSTEM) as session:
        grids = [row.code for row in territory.grids(session)]
        where = {}
        for name in FEATURE_TYPES[key].filters:
            offered = sorted(features.facets(session, key, name, FeatureFilter()))
            if offered and data.draw(st.booleans()):
                where[name] = tuple(sorted(data.draw(st.sets(st.sampled_from(offered), min_size=1, max_size=3))))
    days = data.draw(st.none() | st.integers(0, 200)) if key == "incidents" else None
    return FeatureFilter(
        grid=data.draw(st.none() | st.sampled_from(grids)),
        q=data.draw(st.sampled_from(WORDS)) or None,
        where=where,
        since=None if days is None else NOW - timedelta(days=days),
    )


def tile_total(folder: Path, content: bytes) -> int:
    """How many features the one tile of the whole world tells of."""
    if not content:
        return 0
    path = folder / "0" / "0" / "0.pbf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    meta, _, _, columns = pyogrio.raw.read(path)
    return int(sum(columns[[str(name) for name in meta["fields"]].index("n")]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_counts_list_map_tiles_and_export_agree(whole: Any, tmp_path: Path, data: st.DataObject):
    """Whoever asks and whatever the filters: one number, and the same features behind it."""
    database, clients = whole
    key = data.draw(st.sampled_from(sorted(FEATURE_TYPES)))
    name = data.draw(st.sampled_from(sorted(ASKERS)))
    flt = chosen(data, database, key)
    source = Source(key=key, revision=1, features=flt)
    client = getattr(clients, name)

    with database.session(ASKERS[name]) as session:
        number = features.count(session, key, flt)
        by_value = features.facets(session, key, PRIMARY[key], flt)
    picked = flt.where.get(PRIMARY[key], tuple(by_value))
    assert sum(by_value.get(value, 0) for value in picked) == number

    drawn = client.get(source.url()).json()
    assert drawn["numberReturned"] == len(drawn["features"]) == number
    listed = client.get(f"{source.url()}&limit=300").json()["features"]
    assert [each["id"] for each in listed] == [each["id"] for each in drawn["features"]][:300]
    query = source.url().partition("?")[2].partition("&")[2]
    exported = client.get(f"/api/layers/{key}/export?format=geojson&{query}").json()
    assert [each["id"] for each in exported["features"]] == [each["id"] for each in drawn["features"]]
    if FEATURE_TYPES[key].geometry == "Point":
        tile = client.get(source.tiles_url().format(z=0, x=0, y=0))
        assert tile_total(tmp_path, tile.content) == number

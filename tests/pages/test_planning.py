from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from db import features
from db.session import Database
from geo.features import FeatureFilter
from governance.access import Principal, Role

PLANNER = Principal(account="planner", role=Role.PLANNER)


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _download(screen: Any) -> tuple[str, dict[str, list[str]]]:
    found = re.search(r'class="plan-download" href="([^"]+)"', _html(screen))
    assert found
    address = urlsplit(unescape(found.group(1)))
    return address.path, parse_qs(address.query)


def test_the_count_is_that_of_the_filter(visit: Any, provided: Database):
    """Before the download the planner sees exactly how many features the file will hold."""
    screen = visit("planner")
    screen.selectbox(key="layer").select("devices").run()
    screen.multiselect(key="devices.status").select("online").run()

    with provided.session(PLANNER) as session:
        expected = features.count(session, "devices", FeatureFilter(where={"status": ("online",)}))
    assert not screen.exception
    assert f"{expected:,} 条" in _html(screen)


def test_the_address_carries_every_choice(visit: Any):
    """The link downloads what is shown: layer, grid, text and values, as GeoJSON."""
    screen = visit("planner")
    screen.selectbox(key="layer").select("stations").run()
    screen.selectbox(key="grid").select("220723003").run()
    screen.text_input(key="q").set_value("驿").run()
    screen.multiselect(key="stations.kind").select("warm_stop").run()

    path, query = _download(screen)

    assert path == "/api/layers/stations/export"
    assert query == {"format": ["geojson"], "grid": ["220723003"], "q": ["驿"], "kind": ["warm_stop"]}


def test_nothing_to_export_says_how_to_get_something(visit: Any):
    """A filter that leaves nothing shows no button but what to change."""
    screen = visit("planner")
    screen.text_input(key="q").set_value("没有这样的名字").run()

    assert "plan-download" not in _html(screen).replace(".plan-download", "")
    assert any("放宽" in info.value for info in screen.info)


def test_crs_and_source_stand_before_the_download(visit: Any):
    """What the file's coordinates mean and where its data comes from is told beforehand; demo data says so."""
    html = _html(visit("planner"))

    assert "CRS84" in html
    assert "演示数据" in html

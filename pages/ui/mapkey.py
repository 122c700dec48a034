"""The key of the officer's map: what its symbols say besides what the tree's own pictures and names explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import streamlit as st

from geo.features import FeatureFilter
from governance import labels
from governance.language import _
from layers import legend
from layers.catalog import LAYERS
from layers.symbols import url


def lines(drawn: Iterable[str], filters: Mapping[str, FeatureFilter]) -> list[str]:
    """A line in HTML for each layer that is drawn and whose symbols say more: filled or hollow, pale, crossed out."""
    found = []
    for key in drawn:
        said = list(legend.extras(key))
        if key == "incidents" and filters[key].where.get("is_open") == ("true",):
            said = said[:-1]  # no finished one is shown
        if said:
            told = "".join(f"<span>{picture}{escape(text)}</span>" for picture, text in said)
            found.append(f"<b>{escape(LAYERS[key].title)}</b>{told}")
    return found


def in_tree(said: Iterable[str]) -> None:
    """The key below the tree, where a phone's sheet has room for it, and pictures for the devices' statuses."""
    rules = "".join(
        f".st-key-devices-status button:nth-of-type({place})::before"
        f"{{display:block !important;background-image:url({url(f'device-camera-{status}')})}}"
        for place, status in enumerate(labels.DEVICE_STATUS, start=1)
    )
    told = "".join(f"<p>{line}</p>" for line in said)
    st.html(f'<style>{rules}</style><div class="map-legend"><h2>{_("图例")}</h2>{told}</div>')

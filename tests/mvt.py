"""Reads vector tiles with GDAL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyogrio
import shapely

from db.tiles import Tile


def layers_of(folder: Path, at: Tile, content: bytes) -> dict[str, list[dict[str, Any]]]:
    """Each layer's features with their attributes and `shape` in EPSG:3857; nothing of an empty tile."""
    if not content:
        return {}
    path = folder / str(at.z) / str(at.x) / f"{at.y}.pbf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found: dict[str, list[dict[str, Any]]] = {}
    for layer in (str(name) for name, _ in pyogrio.list_layers(path)):
        meta, _, wkb, columns = pyogrio.raw.read(path, layer=layer)
        names = [str(name) for name in meta["fields"]]
        shapes = shapely.from_wkb(wkb)
        found[layer] = [
            {"shape": one, **{name: column[row] for name, column in zip(names, columns, strict=True)}}
            for row, one in enumerate(shapes)
        ]
    return found

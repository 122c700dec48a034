"""The town's own frame: metres from its centre along its streets, as its planner would measure.

The plan is drawn straight in this frame. On the ground it lies turned and slightly bent, since streets that were laid
out over decades are not ruled with one ruler. Every vertex goes the same way once, so whatever shared a vertex in
the plan shares it on the ground, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.crs import metric_to_storage, storage_to_metric

T = TypeVar("T", bound=BaseGeometry)
Coordinates = NDArray[np.float64]
"""Rows of x and y."""

CENTRE_LON_LAT = (124.0176, 45.0071)
_TURN = np.radians(5.0)
_DECIMALS = 9
"""Of a degree: a tenth of a millimetre."""
_FINEST_M = 60.0
"""Straight stretches longer than this get vertices in between, so that they bend with the ground."""


@dataclass(frozen=True)
class Frame:
    """Turns plan metres into the metric SRID and into EPSG:4490."""

    metric_srid: int

    @cached_property
    def _centre(self) -> Coordinates:
        return np.array(storage_to_metric(*CENTRE_LON_LAT, self.metric_srid))

    def metric(self, plan: Coordinates) -> Coordinates:
        """Plan metres to easting and northing in the metric SRID."""
        x, y = plan[:, 0], plan[:, 1]
        bent_x = x + 34 * np.sin(y / 830 + 0.7) + 16 * np.sin((x + y) / 610)
        bent_y = y + 30 * np.sin(x / 940 - 0.4) + 14 * np.sin((x - 2 * y) / 900 + 1.0)
        cos, sin = np.cos(_TURN), np.sin(_TURN)
        return np.column_stack((cos * bent_x - sin * bent_y, sin * bent_x + cos * bent_y)) + self._centre

    def degrees(self, plan: Coordinates) -> Coordinates:
        """Plan metres to longitude and latitude in EPSG:4490, rounded alike everywhere."""
        metric = self.metric(plan)
        lon, lat = metric_to_storage(metric[:, 0], metric[:, 1], self.metric_srid)
        return np.column_stack((lon, lat)).round(_DECIMALS)

    def on_ground(self, geometries: Sequence[T]) -> list[T]:
        """Plan geometries in EPSG:4490."""
        return list(shapely.transform(np.array(geometries, dtype=object), self.degrees))

    def in_metres(self, geometries: Sequence[T]) -> list[T]:
        """Plan geometries in the metric SRID, for measuring."""
        return list(shapely.transform(np.array(geometries, dtype=object), self.metric))


def finely(geometry: T) -> T:
    """The geometry with enough vertices to bend with the ground."""
    return shapely.segmentize(geometry, _FINEST_M)


class GroundFrame(Frame):
    """The frame of a town that was surveyed, not drawn: its plan metres are those of the metric SRID."""

    def metric(self, plan: Coordinates) -> Coordinates:
        """The same coordinates."""
        return plan

    def surveyed(self, geometries: Sequence[T]) -> list[T]:
        """Geometries in degrees (EPSG:4490) as plan metres."""
        return list(shapely.transform(np.array(geometries, dtype=object), self._metres))

    def _metres(self, degrees: Coordinates) -> Coordinates:
        return np.column_stack(storage_to_metric(degrees[:, 0], degrees[:, 1], self.metric_srid))

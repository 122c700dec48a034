"""A rectangle in a named reference system."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from geo.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """min_x, min_y, max_x, max_y in the units of `srid` (degrees, longitude first, for geographic systems)."""

    min_x: float
    min_y: float
    max_x: float
    max_y: float
    srid: int

    def __post_init__(self) -> None:
        if not all(isfinite(v) for v in self.bounds):
            raise InvalidInput("the extent needs four finite numbers", field="bbox")
        if self.min_x > self.max_x or self.min_y > self.max_y:
            raise InvalidInput("the extent's minimum exceeds its maximum", field="bbox")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """min_x, min_y, max_x, max_y."""
        return (self.min_x, self.min_y, self.max_x, self.max_y)

    @classmethod
    def from_bbox(cls, text: str) -> Extent:
        """Reads OGC's `bbox`: four comma-separated numbers in CRS84, longitude first.

        Raises `InvalidInput` naming `bbox` when it can't be read, leaves the globe or crosses the antimeridian.
        """
        parts = text.split(",")
        if len(parts) != 4:  # noqa: PLR2004  west, south, east, north
            raise InvalidInput("bbox takes west,south,east,north", field="bbox")
        try:
            west, south, east, north = (float(part) for part in parts)
        except ValueError as error:
            raise InvalidInput("bbox takes four numbers", field="bbox") from error
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):  # noqa: PLR2004
            raise InvalidInput("bbox lies outside of longitude ±180, latitude ±90", field="bbox")
        return cls(min_x=west, min_y=south, max_x=east, max_y=north, srid=4326)

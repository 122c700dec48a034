"""What programs send, read strictly: a wrong name, type or range is refused with the field's name."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from db.devices import STATUSES
from db.incidents import Report
from db.needs import TEXT_LENGTH
from db.stepping import Asked
from db.visits import MOST_NEEDS, NOTE_LENGTH
from governance.incident import Source
from governance.lifecycle import Action
from governance.visit import Urgency, VisitOutcome

POSITIONS_LIMIT = 1000
"""Fixes in one call: larger batches hold their locks long enough to make a claim miss the nearest worker."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


class Body(BaseModel):
    """A JSON object without surprises: no unknown members, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=True, frozen=True)


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("文字中不能含有空字符")
    return text


def _latitude(value: Any) -> Any:
    # Said before the range is checked: longitude and latitude in the wrong order are the commonest mistake.
    if isinstance(value, int | float) and not isinstance(value, bool) and 90 < abs(value) <= 180:  # noqa: PLR2004
        raise ValueError(f"纬度 {value} 超出 ±90，经纬度可能写反了（lon 为经度，lat 为纬度）")
    return value


def _written_out(value: Any) -> Any:
    # A bare number would be read as seconds since 1970, and nobody would know.
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("时刻须写作 2026-11-23T10:00:00+08:00")
    return value


Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180)]
Latitude = Annotated[float, BeforeValidator(_latitude), Field(strict=True, ge=-90, le=90)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_without_nul)]
Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_without_nul)]
Code = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_without_nul)]
Crs = Annotated[str, Field(max_length=100), AfterValidator(_without_nul)]
Name = Annotated[str, Field(max_length=50), AfterValidator(_without_nul)]
Phone = Annotated[str, Field(max_length=30), AfterValidator(_without_nul)]
Story = Annotated[str, Field(max_length=4000), AfterValidator(_without_nul)]


class ReportBody(Body):
    """A report: what, where in which reference system, how bad."""

    title: Title
    class_code: Code = Field(alias="class")
    severity: Annotated[int, Field(strict=True, ge=1, le=4)] | None = None
    lon: Longitude
    lat: Latitude
    crs: Crs
    source: Source = Source.PATROL
    description: Story = ""
    address: Line = ""
    reporter_name: Name = ""
    reporter_phone: Phone = ""

    def as_report(self, *, request_key: str | None) -> Report:
        """The report that the command takes."""
        return Report(
            title=self.title,
            class_code=self.class_code,
            severity=self.severity,
            lon=self.lon,
            lat=self.lat,
            crs=self.crs,
            source=self.source,
            description=self.description,
            address=self.address,
            reporter_name=self.reporter_name,
            reporter_phone=self.reporter_phone,
            request_key=request_key,
        )


class DispatchBody(Body):
    """Nothing for the first candidate; a worker and a reason for somebody else."""

    worker: Code | None = None
    reason: Line = ""


class StepBody(Body):
    """A step of the lifecycle and what is given with it: what each action needs stands in docs/api.md."""

    action: Action
    opinion: Story = ""
    department: Code | None = None
    original: Code | None = None
    resume_by: Instant | None = None
    worker: Code | None = None
    parts: Annotated[list[ReportBody], Field(max_length=10)] = []
    is_satisfied: Flag | None = None
    is_granted: Flag | None = None

    def as_asked(self) -> Asked:
        """The step that the command takes."""
        parts = tuple(part.as_report(request_key=None) for part in self.parts)
        return Asked(**self.model_dump(exclude={"parts"}), parts=parts)


class FixBody(Body):
    """Where a worker was."""

    worker: Code
    lon: Longitude
    lat: Latitude
    at: Instant


class PositionsBody(Body):
    """A batch of fixes, all in the one reference system that their feed declares."""

    crs: Crs
    positions: Annotated[list[FixBody], Field(min_length=1, max_length=POSITIONS_LIMIT)]


def _status(text: str) -> str:
    if text not in STATUSES:
        raise ValueError(f"设备状态只能取：{'、'.join(STATUSES)}")
    return text


class AlarmBody(Body):
    """What a device says of itself: its status, or an alarm of some type that was raised or is over."""

    device: Code
    status: Annotated[str, AfterValidator(_status)] | None = None
    type: Code | None = None
    at: Instant | None = None
    cleared: Flag = False


class AlarmsBody(Body):
    """A batch of what devices say."""

    alarms: Annotated[list[AlarmBody], Field(min_length=1, max_length=POSITIONS_LIMIT)]


class NeedBody(Body):
    """What a household asks for."""

    class_code: Code = Field(alias="class")
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH), AfterValidator(_without_nul)]
    urgency: Urgency = Urgency.ORDINARY


class VisitBody(Body):
    """A visit to a household, or to a building where no household is on file."""

    building: Code | None = None
    household: Code | None = None
    worker: Code | None = None
    visited_at: Instant | None = None
    outcome: VisitOutcome
    note: Annotated[str, Field(max_length=NOTE_LENGTH), AfterValidator(_without_nul)] = ""
    needs: Annotated[list[NeedBody], Field(max_length=MOST_NEEDS)] = []


class HandOverBody(Body):
    """How grave the incident is that a need becomes; without it the class and the urgency say so."""

    severity: Annotated[int, Field(strict=True, ge=1, le=4)] | None = None


class SettleBody(Body):
    """How a need was settled on the spot."""

    opinion: Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH), AfterValidator(_without_nul)]

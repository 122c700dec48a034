"""The demo county: a generated town with its grids, people, places and half a year of incidents. 演示数据."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.random import Generator
from psycopg import Cursor
from psycopg.rows import TupleRow
from sqlalchemy import text

from db.demo.chronicle import file_courses, live_through
from db.demo.copying import follow_ids
from db.demo.filing import file_ground, file_profile, file_services, file_territory, file_workers
from db.demo.names import NamePools
from db.demo.osm_town import found_osm_town
from db.demo.people import put_on_duty
from db.demo.town import Town, found_town
from db.demo.tracking import file_tracks
from db.demo.visiting import file_visits
from db.importers.osm import read_extract
from db.profiles import PROFILES
from db.session import Database
from geo.errors import Conflict, InvalidInput
from governance.profile import Profile

_LOADED = text("SELECT count(*) FROM deployment")
_WITH_GIVEN_IDS = ("base.road", "building", "household", "worker", "incident", "skill", "dispatch_policy", "visit")


def _town(profile: Profile, extract: Path | None, rng: Generator, report: Callable[[str], None]) -> Town:
    if profile.ground == "osm":
        if extract is None:
            raise InvalidInput(f"{profile.name}需要 OSM 数据文件 needs an OSM extract", field="file")
        ground = read_extract(extract)
        report(
            f"已读取 {len(ground.buildings)} 栋建筑、{len(ground.roads)} 段道路；"
            f"修复 {ground.repaired} 处、弃用 {ground.unusable} 处残缺图形 read, repaired and left out"
        )
        names = NamePools.read(PROFILES / profile.tables_from / "demo_names.json")
        return found_osm_town(ground, profile, names, rng)
    if extract is not None:
        raise InvalidInput(f"{profile.name}不接受 OSM 数据文件 takes no extract: its ground is drawn", field="file")
    skills = [skill.key for skill in profile.skills]
    return found_town(PROFILES / profile.key, metric_srid=profile.metric_srid, skills=skills, rng=rng)


def _quiet(_text: str) -> None:
    """Tells nobody."""


def load(
    database: Database,
    profile: Profile,
    *,
    now: datetime,
    report: Callable[[str], None] = _quiet,
    extract: Path | None = None,
) -> None:
    """Fills an empty, migrated database with the profile's demo county as it stands at `now` (aware).

    One transaction; the same profile, `extract` and `now` give the same rows. Raises `Conflict` when a county is loaded
    already, `InvalidInput` naming `file` where the profile's ground is OpenStreetMap's and `extract` is missing or not
    to be read, and where the ground is drawn and an extract is given.
    """
    with database.engine.connect() as connection:
        if connection.scalar(_LOADED):
            raise Conflict("a county is loaded already")
    rng = np.random.default_rng(int(profile.county_code))
    report("生成城区：路网、街区、网格、楼宇 … drawing the town")
    town = _town(profile, extract, rng, report)
    shifts = put_on_duty(town.layout, town.workers, staffing=town.staffing, now=now, rng=rng)
    report("生成半年事件 … living through half a year")
    courses, roster = live_through(town, shifts, profile=profile, now=now, rng=rng)
    report("写入数据库 … filing it")
    driver = database.engine.raw_connection()
    try:
        cursor: Cursor[TupleRow] = driver.cursor()  # type: ignore[assignment]  # the pool's type hides the driver's
        cursor.execute("LOCK TABLE deployment IN EXCLUSIVE MODE")
        cursor.execute(_LOADED.text)
        if cursor.fetchone() != (0,):
            raise Conflict("a county was loaded meanwhile")
        file_profile(cursor, profile, town, now=now)
        file_ground(cursor, town)
        file_territory(cursor, town)
        file_workers(cursor, town, shifts, loads=roster.load, profile=profile, now=now)
        file_tracks(cursor, town, shifts, profile=profile)
        file_services(cursor, town, now=now)
        file_courses(cursor, town, courses, profile=profile)
        file_visits(cursor, profile, now=now)
        follow_ids(cursor, _WITH_GIVEN_IDS)
        cursor.execute("ANALYZE")
        driver.commit()
    finally:
        driver.close()

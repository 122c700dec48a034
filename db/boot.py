"""From settings to a database that is ready: started, checked, migrated, and filled where it is empty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import make_url, text

from db import accounts
from db.embedded import EmbeddedCluster
from db.migrate import upgrade
from db.profiles import read_profile
from db.session import Database
from db.settings import Settings
from geo.errors import Unavailable
from governance.access import SYSTEM

_OLDEST_POSTGIS = (3, 1)
_EXTENSIONS = ("postgis", "intarray")


class Boot:
    """The database of this process: the embedded one, or the one that `DATABASE_URL` names.

    `database` may be handed on at once; nothing connects before `start` has made it ready.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises `Unavailable` where an embedded database is wanted and PostGIS is not installed."""
        self.settings = settings
        self.cluster = EmbeddedCluster(settings.data_dir) if settings.database_url is None else None
        url = settings.database_url if self.cluster is None else self.cluster.url
        self.database = Database.open(str(url), pool_size=settings.pool_size)

    def start(self, report: Callable[[str], None], *, demo_data: bool | None = None) -> None:
        """Starts or finds the server, checks and migrates the database, and fills an empty one with the demo county.

        `report` is told in a line what takes time; `demo_data` overrides the setting `demo`. Raises `Unavailable`
        saying what is missing.
        """
        if self.cluster is not None:
            report("正在启动内置 PostGIS … starting the embedded PostGIS")
            self.cluster.start()
        else:
            check(self.database.url)
        upgrade(self.database.url)
        wants_demo = self.settings.demo if demo_data is None else demo_data
        if wants_demo and _is_empty(self.database):
            fill(self.database, self.settings.profile, report=report)

    def revive(self) -> None:
        """Starts an embedded server again that ended in the meantime. Raises `Unavailable` as `start` does."""
        if self.cluster is not None:
            self.cluster.start()

    def stop(self, *, everything: bool = False) -> None:
        """Closes the pool, and stops the embedded server if this process started it or `everything` shall end."""
        self.database.dispose()
        if self.cluster is not None and (everything or self.cluster.is_ours):
            self.cluster.stop()


def fill(database: Database, profile: str, *, report: Callable[[str], None], extract: Path | None = None) -> None:
    """Loads the profile's demo county and the demo accounts into an empty database.

    `extract` is the OSM file that a profile on real ground needs. Raises `UnknownCode` (no such profile),
    `InvalidInput` naming `file`, `Conflict` when a county is loaded already.
    """
    from db import demo  # noqa: PLC0415  drawing a town takes scipy, and a restart draws none

    facts = read_profile(profile)
    report("正在载入演示县数据（约十秒） … loading the demo county")
    now = datetime.now(UTC)
    demo.load(database, facts, now=now, report=report, extract=extract)
    accounts.create_demo(database, now=now)


def _is_empty(database: Database) -> bool:
    with database.session(SYSTEM) as session:
        return not session.scalar(text("SELECT count(*) FROM deployment"))


def check(url: str) -> None:
    """Whether the server at `url` can hold the product. Raises `Unavailable` naming what is missing and its remedy."""
    address = make_url(url)
    if address.drivername != "postgresql+psycopg":
        raise Unavailable("DATABASE_URL 须以 postgresql+psycopg:// 开头 must begin with postgresql+psycopg://")
    try:
        with psycopg.connect(
            address.set(drivername="postgresql").render_as_string(hide_password=False), connect_timeout=5
        ) as connection:
            _check_extensions(connection)
            _check_rights(connection)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"连不上数据库 the database at {address.render_as_string()} can't be reached: {error}"
        ) from error


def _check_extensions(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    rows = connection.execute(
        "SELECT name, coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = ANY (%s)",
        (list(_EXTENSIONS),),
    ).fetchall()
    available = {str(name): str(version) for name, version in rows}
    missing = [name for name in _EXTENSIONS if name not in available]
    if missing:
        raise Unavailable(
            f"服务器缺少扩展 the server lacks {', '.join(missing)}: Debian's postgresql-NN-postgis-3 and"
            " postgresql-contrib hold them"
        )
    version = tuple(int(part) for part in available["postgis"].split(".")[:2])
    if version < _OLDEST_POSTGIS:
        raise Unavailable(f"PostGIS {available['postgis']} 过旧 is too old: 3.1 or later is needed")


def _check_rights(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    row = connection.execute(
        """SELECT r.rolsuper,
            r.rolcreaterole OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'gridcommand_app'),
            has_database_privilege(current_database(), 'CREATE'), current_user, current_database()
        FROM pg_roles AS r WHERE r.rolname = current_user"""
    ).fetchone()
    if row is None:
        raise Unavailable("the login has no role")
    is_super, can_make_role, can_create, user, database = row
    installed = connection.execute(
        "SELECT count(*) FROM pg_extension WHERE extname = ANY (%s)", (list(_EXTENSIONS),)
    ).fetchone()
    remedies = []
    if not is_super and installed is not None and installed[0] != len(_EXTENSIONS):
        remedies.append("CREATE EXTENSION postgis; CREATE EXTENSION intarray;")
    if not is_super and not can_make_role:
        remedies.append(f'CREATE ROLE gridcommand_app NOLOGIN; GRANT gridcommand_app TO "{user}";')
    if not is_super and not can_create:
        remedies.append(f'GRANT CREATE ON DATABASE "{database}" TO "{user}";')
    if remedies:
        raise Unavailable(
            f"账号 {user} 权限不足，请由数据库管理员执行 the login {user} lacks rights; an administrator runs: "
            + " ".join(remedies)
        )

"""`gridcommand`: the product from the command line."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from db import accounts, calendar, catalogues, features, responders, territory
from db.boot import Boot
from db.migrate import upgrade
from db.settings import ROOT, Settings
from geo.crs import parse_crs, to_storage
from geo.errors import GridCommandError, InvalidInput
from geo.features import FeatureFilter
from geo.map_server import map_servers
from governance import labels
from governance.access import SYSTEM, Role

app = typer.Typer(no_args_is_help=True, help="网格治理指挥中心 GridCommand", pretty_exceptions_enable=False)
user = typer.Typer(no_args_is_help=True, help="账号 accounts")
token = typer.Typer(no_args_is_help=True, help="接口令牌 API tokens")
imports = typer.Typer(no_args_is_help=True, help="导入本县数据 the county's own data from files")
app.add_typer(user, name="user")
app.add_typer(token, name="token")
app.add_typer(imports, name="import")

_GROUND = {"blocks": "地块 blocks", "water": "水系 water", "buildings": "建筑轮廓 footprints"}

Json = Annotated[bool, typer.Option("--json", help="机器可读输出 machine-readable output")]
_GRACE_S = 3
"""What open pages and streams get to end when the server stops."""
_IDLE_S = 75
"""How long a connection may be idle: longer than proxies and clients keep one, so that none is used while it ends."""


def say(line: str) -> None:
    """A line for people, on standard error, so that data stays alone on standard output."""
    typer.echo(line, err=True)


@contextmanager
def booted(*, demo_data: bool = False) -> Iterator[Boot]:
    """The database for one command, stopped afterwards if the command had to start it."""
    boot = Boot(Settings())
    try:
        boot.start(lambda _: None, demo_data=demo_data)
        yield boot
    finally:
        boot.stop()


@app.command()
def serve() -> None:
    """启动系统：数据库、页面、接口与演示模拟 Starts everything and serves it."""
    settings = Settings()
    for server in map_servers(settings.basemap_url):
        if server.is_shifted:
            say(
                f"注意：{server.host} 的底图是 GCJ-02 坐标，会与本县数据错开约 100–600 米 "
                "note: this base map is drawn in GCJ-02 and lies 100 to 600 m off the county's data"
            )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise InvalidInput(
                f"端口 {settings.port} 已被占用，可用 PORT=8502 make run 换一个 port {settings.port} is taken",
                field="port",
            ) from error
    os.chdir(ROOT)  # Streamlit reads .streamlit/config.toml from the working directory
    import app as doors  # noqa: PLC0415  importing it opens the embedded cluster's folder, which only serve wants

    config = uvicorn.Config(
        doors.app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=_IDLE_S,
    )
    logging.getLogger("uvicorn.access").disabled = True  # Streamlit gives it back the handlers that uvicorn takes away
    server = Announcing(config, lambda: welcome(doors.boot))
    # uvicorn hears SIGTERM, and sends it once more when it has ended: by itself that would end us before the database.
    signal.signal(signal.SIGTERM, lambda *_: None)
    # A closed terminal ends the server as Ctrl-C does.
    signal.signal(signal.SIGHUP, lambda *_: setattr(server, "should_exit", True))
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        doors.boot.stop(everything=True)
        say("已停止 stopped")


class Announcing(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve, then announces it."""
        await super().startup(sockets)
        if self.started:
            self._announce()


def welcome(boot: Boot) -> None:
    """The address, a table of holidays that ends soon, and the demo accounts on demo data."""
    catalogues.provide()
    say(f"\n  网格治理指挥中心已就绪 ready: http://localhost:{boot.settings.port}\n")
    with boot.database.session(SYSTEM) as session:
        is_demo = territory.county(session).is_demo
        logins = accounts.demo_of(session) if is_demo else ()
        holidays_end = calendar.holidays_end(session, now=datetime.now(UTC))
    if holidays_end is not None:
        notice = labels.NOTICE["holidays_end"]
        say(f"  {notice.zh.format(day=holidays_end)}\n  {notice.said('en').format(day=holidays_end)}\n")
    if logins:
        say("  演示账号 demo accounts（演示数据 demo data）")
        for login in logins:
            say(f"    {login.username:<11} {login.password}   {login.display_name} · {labels.ROLE[login.role].zh}")
        say("")


@app.command()
def migrate() -> None:
    """把数据库结构升级到最新 Brings the schema up to date."""
    with booted() as boot:
        upgrade(boot.database.url)
    say("数据库结构已是最新 the schema is up to date")


@app.command()
def demo(
    file: Annotated[Path | None, typer.Argument(help="该地区的 OSM 数据 the place's OSM extract", exists=True)] = None,
    profile: Annotated[str, typer.Option(help="profiles/ 下的文件夹 folder under profiles/")] = "qianan",
) -> None:
    """向空数据库载入演示县 Loads a profile's demo county into an empty database."""
    from db.boot import fill  # noqa: PLC0415

    with booted() as boot:
        fill(boot.database, profile, report=say, extract=file)


@app.command()
def simulate() -> None:
    """在演示数据上运行实时模拟 Runs the live simulation on demo data until interrupted."""
    from db.demo.simulation import run_on_demo_data  # noqa: PLC0415  scipy takes a second that no other command needs

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    with booted() as boot:
        run_on_demo_data(boot.database, stopping)


@imports.command("roads")
def import_roads(
    file: Annotated[Path, typer.Argument(help="OSM PBF, GeoPackage, Shapefile, GeoJSON")],
    crs: Annotated[str | None, typer.Option(help="wgs84 | cgcs2000 | gcj02 | bd09 | EPSG:n")] = None,
    *,
    as_json: Json = False,
) -> None:
    """导入路网，整体替换原有道路 Replaces the road network by the file's."""
    from db.importers import roads  # noqa: PLC0415  scipy and pyogrio take a second that no other command needs

    with booted() as boot:
        done = roads.import_roads(boot.database, SYSTEM, file, crs=crs, now=datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(asdict(done) | {"at": done.at.isoformat()}, ensure_ascii=False))
        return
    say(
        f"已导入道路 {done.roads} 条、路段 {done.edges} 段（单行 {done.one_ways} 段）、路口 {done.nodes} 个、"
        f"不相连的部分 {done.components} 个 imported: {done.roads} roads, {done.edges} edges, {done.one_ways} one-way, "
        f"{done.nodes} nodes, {done.components} parts"
    )
    for reason, rows in done.skipped.items():
        say(f"  未导入 left out: {reason} × {rows}")


@imports.command("basemap")
def import_basemap(
    file: Annotated[Path, typer.Argument(help="OSM PBF, GeoPackage, Shapefile, GeoJSON")],
    crs: Annotated[str | None, typer.Option(help="wgs84 | cgcs2000 | gcj02 | bd09 | EPSG:n")] = None,
    part: Annotated[str | None, typer.Option(help="blocks | water | buildings")] = None,
    *,
    as_json: Json = False,
) -> None:
    """导入底图：地块、水系、建筑轮廓 Replaces the base map's blocks, water and footprints by the file's."""
    from db.importers import basemap  # noqa: PLC0415  pyogrio takes a second that no other command needs

    with booted() as boot:
        done = basemap.import_basemap(
            boot.database, SYSTEM, file, crs=crs, part=basemap.part_named(part), now=datetime.now(UTC)
        )
    if as_json:
        typer.echo(json.dumps(asdict(done) | {"at": done.at.isoformat()}, ensure_ascii=False))
        return
    say(f"已导入底图，修复轮廓 {done.repaired} 个 the base map is imported, {done.repaired} outlines repaired")
    for name, called in _GROUND.items():
        if name not in done.taken:
            say(f"  {called}: 文件里没有，保持原样 not in the file, kept as it was")
            continue
        now_there, gone = done.taken[name], done.replaced[name]
        say(f"  {called}: {now_there}，替换了原有的 {gone} 个 in the place of {gone}")
        if now_there * 2 < gone:
            say("    少了一半以上：原有的已删除，要找回请导入原来的文件，或用数据库备份恢复")
            say("    fewer than half: the old ones are gone; import their file again, or restore the database's backup")
    for reason, rows in done.skipped.items():
        say(f"  未导入 left out: {reason} × {rows}")


@imports.command("classes")
def import_classes(file: Annotated[Path, typer.Argument(help="CSV", exists=True)]) -> None:
    """导入事件类别与时限表 Adds or replaces classes of incidents with their limits."""
    from db.importers import tables  # noqa: PLC0415  loads with the profile's reader

    with booted() as boot:
        done = tables.import_classes(boot.database, SYSTEM, file)
    say(f"类别：新增 {done.added}，更新 {done.replaced} classes added, replaced")


@imports.command("calendar")
def import_calendar(file: Annotated[Path, typer.Argument(help="CSV", exists=True)]) -> None:
    """导入节假日与调休表 Adds or replaces holidays and worked weekends."""
    from db.importers import tables  # noqa: PLC0415  loads with the profile's reader

    with booted() as boot:
        done = tables.import_calendar(boot.database, SYSTEM, file)
    say(f"日期：新增 {done.added}，更新 {done.replaced} days added, replaced")


@app.command()
def export(
    key: Annotated[str, typer.Argument(help="图层 layer key")],
    output: Annotated[Path, typer.Option("-o", "--output", help="输出文件 the file to write")],
    grid: Annotated[str | None, typer.Option(help="网格代码 grid code")] = None,
) -> None:
    """导出图层为 GeoJSON Writes a layer as RFC 7946 GeoJSON."""
    with booted() as boot, boot.database.session(SYSTEM) as session:
        county = territory.county(session)
        head = {"name": key, "source": county.source_note, "is_demo": county.is_demo}
        flt = FeatureFilter(grid=grid)
        chunks = features.stream(session, key, flt, personal=False, head=head)
        unfinished = output.with_name(output.name + ".part")
        with unfinished.open("wb") as file:
            file.writelines(chunks)
        unfinished.replace(output)
        say(f"{features.count(session, key, flt)} features → {output}")


@app.command()
def locate(
    lon: float,
    lat: float,
    crs: Annotated[str, typer.Option(help="wgs84 | cgcs2000 | gcj02 | bd09")],
    *,
    as_json: Json = False,
) -> None:
    """查询坐标所在网格链 Tells the chain of grids at a place."""
    with booted() as boot, boot.database.session(SYSTEM) as session:
        locus = territory.locate(session, *to_storage(lon, lat, parse_crs(crs)))
    if as_json:
        chain = [{"code": g.code, "name": g.name, "level": g.level} for g in locus.chain]
        typer.echo(json.dumps({"is_outside_grid": locus.is_outside_grid, "chain": chain}, ensure_ascii=False))
        return
    if locus.is_outside_grid:
        typer.echo("网格外，归最近社区 outside of all grids; the nearest community:")
    for grid in locus.chain:
        typer.echo(f"{grid.code:<16} {labels.GRID_LEVEL[grid.level].zh} {grid.name}")


@app.command(name="nearest")
def nearest_workers(
    lon: float,
    lat: float,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="人数 how many")] = 5,
    crs: Annotated[str, typer.Option(help="wgs84 | cgcs2000 | gcj02 | bd09")] = "wgs84",
    *,
    as_json: Json = False,
) -> None:
    """查询最近的在岗网格员 Lists the nearest workers who could be sent."""
    with booted() as boot, boot.database.session(SYSTEM) as session:
        found = responders.nearest_on_duty(session, *to_storage(lon, lat, parse_crs(crs)), limit=k)
    if as_json:
        rows = [
            {"code": r.code, "name": r.name, "grid_code": r.grid_code, "distance_m": round(r.distance_m, 1)}
            for r in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in found:
        typer.echo(f"{row.code} {row.name} {row.grid_code:<16} {row.distance_m:8.0f} m")


@user.command("add")
def user_add(
    username: str,
    role: Annotated[Role, typer.Option()],
    grid: Annotated[str, typer.Option(help="只见此网格以下 sees this grid's subtree only")] = "",
    name: Annotated[str, typer.Option(help="显示名 display name")] = "",
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
) -> None:
    """新建账号 Makes an account; asks for the password."""
    with booted() as boot:
        accounts.create_account(
            boot.database,
            SYSTEM,
            username=username,
            password=password,
            display_name=name or username,
            role=role,
            grid_prefix=grid,
            now=datetime.now(UTC),
        )
    say(f"账号 {username} 已建立 made")


@user.command("list")
def user_list(*, as_json: Json = False) -> None:
    """列出账号 Lists the accounts."""
    with booted() as boot, boot.database.session(SYSTEM) as session:
        rows = accounts.accounts(session)
    if as_json:
        shown = [{"username": r.username, "role": r.role, "grid": r.grid_prefix, "active": r.is_active} for r in rows]
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    for row in rows:
        state = "" if row.is_active else "（已停用 closed）"
        typer.echo(f"{row.username:<16} {labels.ROLE[row.role].zh:<8} {row.grid_prefix:<16} {row.display_name}{state}")


@user.command("close")
def user_close(username: str) -> None:
    """停用账号 Closes an account and ends its logins."""
    with booted() as boot:
        accounts.set_active(boot.database, SYSTEM, username, is_active=False)
    say(f"账号 {username} 已停用 closed")


@token.command("create")
def token_create(
    role: Annotated[Role, typer.Option()],
    grid: Annotated[str, typer.Option(help="只见此网格以下 sees this grid's subtree only")] = "",
    name: Annotated[str, typer.Option(help="给谁用 what it is for")] = "cli",
) -> None:
    """签发接口令牌，只显示一次 Makes a bearer token and shows it once."""
    with booted() as boot:
        now = datetime.now(UTC)
        typer.echo(accounts.create_token(boot.database, SYSTEM, name=name, role=role, grid_prefix=grid, now=now))


@token.command("revoke")
def token_revoke(name: str) -> None:
    """作废令牌 Revokes every token of that name."""
    with booted() as boot:
        ended = accounts.revoke_token(boot.database, SYSTEM, name, now=datetime.now(UTC))
    say(f"已作废 revoked: {ended}")


def main() -> None:
    """Runs a command; an error that has a name becomes a line and exit code 1."""
    try:
        app()
    except GridCommandError as error:
        where = ""
        if isinstance(error, InvalidInput):
            row = "" if error.row is None else f"第 {error.row} 行 row {error.row}, "
            where = f"（{row}{error.field}）"
        say(f"{labels.ERRORS[error.code].zh}{where} {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()

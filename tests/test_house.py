"""What holds for the whole house and what import contracts can't state."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import text

from api.problems import STATUS as HTTP_STATUS
from db.models import Record
from db.session import Database
from db.settings import Settings
from geo import errors
from geo.errors import GridCommandError
from geo.features import FEATURE_TYPES
from governance import labels
from governance.incident import Status
from governance.lifecycle import PAIRS
from layers.catalog import LAYERS

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("geo", "governance", "db", "layers", "pages", "api")
LONGEST = 400
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


def tracked(*patterns: str) -> list[Path]:
    """Files that are or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [path for line in listed.splitlines() if (path := ROOT / line).is_file()]


def every_error() -> list[type[GridCommandError]]:
    found = [GridCommandError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_every_python_file_has_a_place():
    """A Python file lies on a floor, or is a composition root, a test or a measurement; nothing else exists."""
    places = {*FLOORS, "tests", "bench"}
    for path in tracked("*.py"):
        place = path.relative_to(ROOT).parts
        assert place[0] in places or place in {("app.py",), ("cli.py",)}, path


def test_the_floors_are_all_in_the_contract():
    """The import contract names every package, so that none escapes it."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(FLOORS) == set(contract["root_packages"])
    named = {name for layer in contract["contracts"][0]["layers"] for name in re.findall(r"\w+", layer)}
    assert named == set(FLOORS)


@pytest.mark.parametrize("name", FLOORS)
def test_packages_are_this_trees_own(name: str):
    """Their names are common ones: what is imported must be what lies here."""
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


def test_no_module_is_too_long_to_read_in_one_sitting():
    """No module has more than 400 lines."""
    long = {str(p.relative_to(ROOT)): n for p in tracked("*.py") if (n := len(p.read_text().splitlines())) > LONGEST}
    assert not long


def test_no_module_has_a_name_that_says_nothing():
    """utils, helpers, common and their like are no nouns of the field."""
    empty = {"utils", "util", "helpers", "common", "core", "base", "manager", "service", "handler", "misc"}
    assert not [p for p in tracked("*.py") if p.stem in empty]


def test_pages_only_define():
    """A module of `pages` runs nothing when it is imported; the shell alone runs."""
    for path in tracked("pages/*.py", "pages/**/*.py"):
        if path.name == "shell.py":
            continue
        calls = [
            node.lineno
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        ]
        assert not calls, f"{path.name}: {calls}"


def test_every_setting_is_documented():
    """An undocumented setting doesn't exist for whoever runs the product."""
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"GRIDCOMMAND_{name.upper()}" in page, name


def test_every_error_has_its_words_and_its_status():
    """Each code of the tree has Chinese and English text and an HTTP status."""
    codes = {kind.code for kind in every_error()}
    assert len(codes) == len(every_error())
    assert codes == set(labels.ERRORS)
    assert codes <= set(HTTP_STATUS)


def test_every_status_has_label_and_place():
    """A status that nothing leads to, or that has no word, is a mistake."""
    reached = {Status.REPORTED} | {to for _, to in PAIRS}
    assert reached == set(Status) == set(labels.STATUS)


def test_every_layer_is_drawn_labelled_and_viewed(database: Database):
    """Each layer of the contract has an entry in the catalogue, a label, and a view with exactly its properties."""
    assert set(LAYERS) == set(FEATURE_TYPES) == set(labels.LAYERS)
    assert all(spec.symbols for spec in LAYERS.values())
    listed = text("SELECT column_name FROM information_schema.columns WHERE table_schema = 'layer' AND table_name = :t")
    with database.engine.connect() as connection:
        for kind in FEATURE_TYPES.values():
            columns = connection.execute(listed, {"t": kind.key}).scalars()
            assert set(columns) == {"fid", "geom", *(p.name for p in kind.properties)}, kind.key


def test_the_models_equal_the_migrated_schema(database: Database):
    """A migrated database and the models have the same tables and columns, with the same types and null rules."""
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT table_schema, table_name, column_name, is_nullable = 'YES' AS nullable
                FROM information_schema.columns WHERE table_schema IN ('public', 'base')"""
            )
        ).all()
    there = {(r.table_schema, r.table_name, r.column_name): r.nullable for r in rows}
    tables_of_ours = Record.metadata.sorted_tables
    ours = {(t.schema or "public", t.name, c.name): bool(c.nullable) for t in tables_of_ours for c in t.columns}
    tables = {(schema, table) for schema, table, _ in ours}
    assert {key: null for key, null in there.items() if key[:2] in tables} == ours


def test_every_named_statement_is_prepared_against_the_schema(database: Database):
    """Each file of db/sql parses and plans on the migrated schema."""
    for path in sorted((ROOT / "db/sql").glob("*.sql")):
        body = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        names = list(dict.fromkeys(_PARAMETER.findall(body)))
        prepared = _PARAMETER.sub(lambda found, names=names: f"${names.index(found[1]) + 1}", body)
        with database.engine.connect() as connection:
            connection.exec_driver_sql(f"PREPARE named_{path.stem} AS {prepared}")


def test_locks_name_no_registry():
    """Locks hold hashes and no address of whoever served them."""
    for path in tracked("*.lock", "assets/package-lock.json"):
        content = path.read_text()
        assert "://" not in content, path
        if path.suffix == ".lock":
            pins = re.findall(r"^[a-z0-9][^ \n]*==[^ \n]+", content, flags=re.MULTILINE)
            assert pins
            assert content.count("--hash=sha256:") >= len(pins)


def test_nothing_third_party_or_generated_is_committed():
    """Browser libraries come at set-up; databases, caches and bundles stay away."""
    names = [str(path.relative_to(ROOT)) for path in tracked(".")]
    foreign = [n for n in names if re.search(r"node_modules|assets/vendor|\.min\.(js|css)$|\.pyc$|(^|/)var/|\.pbf$", n)]
    assert not foreign


def test_every_dependency_earns_its_place():
    """Each direct dependency has its line in docs/dependencies.md."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)
        assert name is not None
        assert f"`{name[0]}`" in page, name[0]

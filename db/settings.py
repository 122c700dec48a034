"""The deployment's settings, read at the doors only and handed down. `docs/configuration.md` explains each."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
"""The folder that the project stands in."""


class Settings(BaseSettings):
    """Read from the environment, prefix `GRIDCOMMAND_`; `DATABASE_URL` and `PORT` go by their common names too."""

    model_config = SettingsConfigDict(env_prefix="GRIDCOMMAND_", extra="ignore", populate_by_name=True)

    database_url: str | None = Field(
        default=None, validation_alias=AliasChoices("GRIDCOMMAND_DATABASE_URL", "DATABASE_URL")
    )
    """A PostGIS to use in place of the embedded one: postgresql+psycopg://user:password@host:port/name."""
    data_dir: Path = ROOT / "var"
    """Where the embedded database, the log and the photos live."""
    host: str = "127.0.0.1"
    """The address that the server listens on."""
    port: int = Field(default=8501, ge=1, le=65535, validation_alias=AliasChoices("GRIDCOMMAND_PORT", "PORT"))
    """The port that the server listens on."""
    profile: str = "qianan"
    """The folder under `profiles/` that describes the county of a new database."""
    demo: bool = True
    """Whether an empty database is filled with the profile's demo county."""
    simulate: bool = True
    """Whether the live simulation runs; it never runs on data that is not demo data."""
    pool_size: int = Field(default=10, ge=1, le=100)
    """Database connections that one process keeps open at most, beside five more under load."""
    session_hours: int = Field(default=72, ge=1, le=24 * 90)
    """How long a login lasts. A wall is left on for days."""
    basemap_url: str = ""
    """A map server in place of the own ground: templates of XYZ or WMTS, apart by spaces, the bottom one first."""
    basemap_attribution: str = ""
    """Whose map that is, shown on every map; without it the server's name is."""
    cookie_secure: bool = False
    """Whether the login cookie is sent over HTTPS only; set it behind a TLS proxy."""
    track_days: int = Field(default=30, ge=1, le=366)
    """For how many days the tracks of workers are kept."""

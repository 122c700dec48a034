"""The record: models, sessions, commands and queries on PostGIS."""

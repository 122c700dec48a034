"""Readers of other people's files: what they hold, checked and named, before anything is stored."""

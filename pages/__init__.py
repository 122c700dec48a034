"""The screens. Modules only define; `shell.py` alone runs."""

"""Phones on a hostile network: `python -m tests.hostile` (docs/reliability.md)."""

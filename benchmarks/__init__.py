"""Checks of the lab itself that take time and a quiet machine: `python -m benchmarks.NAME` prints what it found."""

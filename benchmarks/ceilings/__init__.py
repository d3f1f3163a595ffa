"""How fast load generators are: the raw client beside well-known programs, against servers that do next to nothing.

A load generator that is slower than the server measures itself. `python -m benchmarks.ceilings` shows how far from that
the raw client is on this machine, and how its CPU per request compares with that of the lab's producers.
"""

"""How fast load generators are: the raw client and well-known programs, against servers that do almost nothing.

A load generator that is slower than the server measures itself. `python -m benchmarks.ceilings` shows how far the raw
client is from that on this machine, and how its CPU time per request compares with that of the lab's producers.
"""

"""Counting instructions with callgrind: its commands, what it writes, and the libraries that it names."""

"""Telling: a run file → tables, reports, sentences. Pure but for `write`."""

"""Telling: a run file as a terminal's tables, HTML, Markdown or CSV. Pure: a report follows from its run file alone."""

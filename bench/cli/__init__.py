"""The commands of `python -m bench`, a module each. They read flags, call the rest, and choose the exit code."""

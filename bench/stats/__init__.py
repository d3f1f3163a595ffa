"""Statistics: slices → estimates → ratios → verdicts and warnings. Pure: no clock, no randomness."""

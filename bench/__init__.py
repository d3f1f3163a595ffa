"""The bench: plan, load, measure, judge, tell."""

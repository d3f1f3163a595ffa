"""Fronts: proxies that stand between consumers and producers. What they are and how they are configured; pure."""

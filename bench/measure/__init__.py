"""Measuring processes and the machine: CPU clocks, memory, environment, histograms."""

"""The bench: what is measured, how, results, report."""

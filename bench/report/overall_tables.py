"""Tables that span the workloads of a run, in the order in which every form of report shows them."""

from bench.report.attribution import attribution_tables
from bench.report.client_cost_table import client_cost_table
from bench.report.curve_tables import curve_table
from bench.report.document import Table
from bench.results import Run


def overall_tables(run: Run) -> list[Table]:
    """Those for which the run has something to tell."""
    single = [table for table in (client_cost_table(run), curve_table(run)) if table is not None]
    return [*attribution_tables(run), *single]

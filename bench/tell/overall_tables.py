"""Tables that span the workloads of a run, in the order in which every form of report shows them."""

from bench.run_file import Run
from bench.tell.attribution_tables import attribution_tables
from bench.tell.client_cost_table import client_cost_table
from bench.tell.curve_tables import curve_table
from bench.tell.table import Table


def overall_tables(run: Run) -> list[Table]:
    """Those for which the run has something to tell."""
    single = [table for table in (client_cost_table(run), curve_table(run)) if table is not None]
    return [*attribution_tables(run), *single]

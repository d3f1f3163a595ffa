"""Load from many machines: the workers of a Dask cluster, and what of the load each of them sends."""

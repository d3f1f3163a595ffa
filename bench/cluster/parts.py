"""What of a load each worker of a cluster sends, and from which seed. Pure."""

from bench.load_models import ClosedLoad, Load, OpenLoad


def parts_of(load: Load, workers: int) -> list[Load | None]:
    """The part of each worker; None: none of it.

    Requests in flight are whole, so the first workers may have one more than the others, and some have none where
    there are fewer requests than workers. A rate is divided equally: independent Poisson processes together are one at
    the sum of their rates.
    """
    if isinstance(load, OpenLoad):
        return [OpenLoad(rate_hz=load.rate_hz / workers, arrivals=load.arrivals)] * workers
    each, more = divmod(load.concurrency, workers)
    concurrencies = [each + (number < more) for number in range(workers)]
    return [ClosedLoad(concurrency=number) if number else None for number in concurrencies]


def seed_of(seed: str, worker: int) -> str:
    """The seed of one worker's part of a slice: its requests have an order and due times of their own."""
    return f"{seed}/worker/{worker}"

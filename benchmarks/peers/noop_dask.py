"""No-op tasks on a Dask cluster of two processes.  Prints tasks per second as JSON."""

import json
import sys
import time

from dask.distributed import Client, LocalCluster


def noop(_number: int) -> None:
    return None


def main() -> None:
    count = int(sys.argv[1])
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.submit(noop, -1).result()
        rates = []
        for turn in range(3):
            began = time.perf_counter()
            numbers = range(turn * count, (turn + 1) * count)
            client.gather([client.submit(noop, number, pure=False) for number in numbers])
            rates.append(count / (time.perf_counter() - began))
    print(json.dumps(rates))


if __name__ == "__main__":
    main()

"""No-op tasks on Ray.  Prints tasks per second as JSON."""

import json
import sys
import time

import ray


@ray.remote
def noop() -> None:
    return None


def main() -> None:
    count = int(sys.argv[1])
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=150_000_000, log_to_driver=False)
    ray.get([noop.remote() for _ in range(10)])
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        ray.get([noop.remote() for _ in range(count)])
        rates.append(count / (time.perf_counter() - began))
    ray.shutdown()
    print(json.dumps(rates))


if __name__ == "__main__":
    main()

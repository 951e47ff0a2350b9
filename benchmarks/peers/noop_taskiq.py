"""No-op tasks on taskiq with a Redis-compatible broker and two worker processes.  Prints tasks per second as JSON."""

import asyncio
import json
import os
import subprocess
import sys
import time

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

URL = os.environ["NOOP_URL"]
broker = ListQueueBroker(URL).with_result_backend(RedisAsyncResultBackend(URL))


@broker.task(task_name="noop")
async def noop() -> None:
    return None


async def measure(count: int) -> list[float]:
    await broker.startup()
    await (await noop.kiq()).wait_result(check_interval=0.01, timeout=60)
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        sent = await asyncio.gather(*(noop.kiq() for _ in range(count)))
        await asyncio.gather(*(task.wait_result(check_interval=0.02, timeout=120) for task in sent))
        rates.append(count / (time.perf_counter() - began))
    await broker.shutdown()
    return rates


def main() -> None:
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "taskiq",
            "worker",
            "noop_taskiq:broker",
            "--workers",
            "2",
            "--log-level",
            "ERROR",
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        print(json.dumps(asyncio.run(measure(int(sys.argv[1])))))
    finally:
        worker.terminate()
        worker.wait(20)


if __name__ == "__main__":
    main()

"""No-op tasks on Celery with a Redis-compatible broker and two worker processes.  Prints tasks per second as JSON."""

import json
import os
import subprocess
import sys
import time

from celery import Celery, group

URL = os.environ["NOOP_URL"]
app = Celery("noop_celery", broker=URL, backend=URL)


@app.task
def noop() -> None:
    return None


def main() -> None:
    count = int(sys.argv[1])
    command = [sys.executable, "-m", "celery", "-A", "noop_celery", "worker", "-c", "2", "-l", "ERROR"]
    worker = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], stdout=subprocess.DEVNULL)
    try:
        noop.delay().get(timeout=60)
        rates = []
        for _ in range(3):
            began = time.perf_counter()
            group(noop.s() for _ in range(count)).apply_async().get(timeout=120)
            rates.append(count / (time.perf_counter() - began))
        print(json.dumps(rates))
    finally:
        worker.terminate()
        worker.wait(20)


if __name__ == "__main__":
    main()

"""What the time of a refused sign-in tells of the account: nothing, if the medians are alike.

Over HTTP against a gateway of its own, many rounds, in each of them every kind of refusal once and in random order, so that
whatever else the machine does meets all of them.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

import tensorfleet

ROUNDS = int(os.environ.get("SIGN_IN_ROUNDS", "100"))
PASSWORD = "correct horse"
LIMITS = '{"quota": 1000000, "per_s": 1}'
KINDS = {
    "wrong password": ("anna", "wrong horse"),
    "no such account": ("nobody", "wrong horse"),
    "closed account": ("closed", PASSWORD),
    "account of a program": ("robot", "wrong horse"),
}


def main() -> None:
    """Prints the median of each kind, and how far it is from that of a wrong password."""
    with tempfile.TemporaryDirectory(prefix="tensorfleet-bench-") as folder:
        home = Path(folder) / "home"
        command = [str(Path(sys.executable).parent / "tensorfleet")]
        env = {
            **os.environ,
            "TENSORFLEET_HOME": str(home),
            "TENSORFLEET_LIMITS__FAILED_NAME": LIMITS,
            "TENSORFLEET_LIMITS__FAILED_ADDRESS": LIMITS,
        }
        subprocess.run(
            [*command, "up", "--detach", "--port", "0", "--workers", "1"],
            env=env,
            check=True,
            capture_output=True,
        )
        try:
            _report(_measure(home))
        finally:
            subprocess.run([*command, "down"], env=env, check=True, capture_output=True)


def _measure(home: Path) -> dict[str, list[float]]:
    with tensorfleet.Client(home=home) as client:
        client.access.add_user("anna", PASSWORD)
        client.access.add_user("closed", PASSWORD)
        client.access.change_user("closed", disabled=True)
        client.access.add_user("robot", service=True)
        url = client.url
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    dice = random.Random(7)
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        for _ in range(ROUNDS):
            for kind in dice.sample(sorted(KINDS), len(KINDS)):
                name, password = KINDS[kind]
                began = time.perf_counter()
                answer = http.post("/api/v1/auth/token", json={"username": name, "password": password})
                taken[kind].append(time.perf_counter() - began)
                assert answer.status_code == 401, answer.text
    return taken


def _report(taken: dict[str, list[float]]) -> None:
    usual = taken["wrong password"]
    noise = statistics.quantiles(usual, n=4)
    print(
        f"{ROUNDS} rounds; half of the wrong passwords took {1000 * noise[0]:.1f} to {1000 * noise[2]:.1f} ms"
    )
    for kind, values in taken.items():
        pairs = [one - other for one, other in zip(values, usual, strict=True)]
        print(
            f"{kind:22} median {1000 * statistics.median(values):7.2f} ms, "
            f"median of the differences {1000 * statistics.median(pairs):+7.2f} ms"
        )


if __name__ == "__main__":
    main()

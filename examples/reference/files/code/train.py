"""Counts instead of learning: what a job of own code reports, saves and writes."""

from pathlib import Path

from tensorfleet import train

for epoch in range(1, train.params()["epochs"] + 1):
    print(f"epoch {epoch} of {len(train.dataset().to_polars())} rows")
    train.report(step=epoch, loss=1 / epoch)
    train.save({"epoch": epoch}, step=epoch)
Path("report.txt").write_text("all is well\n")

"""Data that needs no download: scikit-learn ships it.  Run as a process of its own, it prints a set as CSV.

python -m tensorfleet.datasets.samples iris > iris.csv
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class Sample:
    """A bundled data set, where it comes from in scikit-learn, and the column to predict."""

    loader: str
    target: str
    description: str


SAMPLES = {
    "iris": Sample("load_iris", "species", "150 irises of three species, four measures each"),
    "wine": Sample("load_wine", "cultivar", "178 wines of three cultivars, 13 chemical measures each"),
    "breast_cancer": Sample(
        "load_breast_cancer", "diagnosis", "569 tumours, 30 measures each: malignant or benign"
    ),
    "digits": Sample("load_digits", "label", "1797 handwritten digits of 8 by 8 pixels"),
    "diabetes": Sample(
        "load_diabetes", "progression", "442 patients, ten measures each, and their progression"
    ),
}


def write_csv(name: str, out: TextIO) -> None:
    """Writes the sample with a header; class targets by name, every number so that it reads back exactly."""
    import sklearn.datasets

    sample = SAMPLES[name]
    bunch = getattr(sklearn.datasets, sample.loader)()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(_column_name(feature) for feature in bunch.feature_names), sample.target])
    for values, target in zip(bunch.data.tolist(), bunch.target.tolist(), strict=True):
        writer.writerow([*(_number(value) for value in values), _target(name, bunch, target)])


def _column_name(feature: str) -> str:
    """`sepal length (cm)` -> `sepal_length_cm`."""
    return "_".join(feature.replace("(", " ").replace(")", " ").replace("/", " per ").split())


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _target(name: str, bunch: Any, target: float) -> Any:
    if name in ("iris", "wine", "breast_cancer"):
        return str(bunch.target_names[int(target)])
    return _number(float(target))


if __name__ == "__main__":
    write_csv(sys.argv[1], sys.stdout)

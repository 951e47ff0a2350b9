"""Data that needs no download: scikit-learn ships it, and its files are read here without loading scikit-learn."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tensorfleet.errors import Unavailable

_CELL = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points", "symmetry",
         "fractal_dimension")  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A bundled data set: its columns, the one to predict last, and where scikit-learn keeps it."""

    file: str
    features: tuple[str, ...]
    target: str
    description: str


SAMPLES = {
    "iris": Sample(
        "iris.csv",
        ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"),
        "species",
        "150 irises of three species, four measures each",
    ),
    "wine": Sample(
        "wine_data.csv",
        ("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
         "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_per_od315_of_diluted_wines", "proline"),
        "cultivar",
        "178 wines of three cultivars, 13 chemical measures each",
    ),
    "breast_cancer": Sample(
        "breast_cancer.csv",
        (*(f"mean_{name}" for name in _CELL), *(f"{name}_error" for name in _CELL), *(f"worst_{name}" for name in _CELL)),
        "diagnosis",
        "569 tumours, 30 measures each: malignant or benign",
    ),
    "digits": Sample(
        "digits.csv.gz",
        tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        "label",
        "1797 handwritten digits of 8 by 8 pixels",
    ),
    "diabetes": Sample(
        "diabetes_data_raw.csv.gz",
        ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        "progression",
        "442 patients, ten measures each as they were taken, and their progression",
    ),
}  # fmt: skip


def sample_csv(name: str) -> bytes:
    """The sample as CSV with a header; class targets by name, every number so that it reads back exactly.

    Raises:
        Unavailable: scikit-learn, which has the data, is not installed.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*SAMPLES[name].features, SAMPLES[name].target])
    writer.writerows(_rows(name))
    return out.getvalue().encode()


def _rows(name: str) -> Iterator[list[str]]:
    lines = _read(SAMPLES[name].file).splitlines()
    if name == "digits":
        yield from csv.reader(lines)
    elif name == "diabetes":
        targets = _read("diabetes_target.csv.gz").split()
        for line, target in zip(lines, targets, strict=True):
            yield [*line.split(), _plain(target)]
    else:
        # The first line has the number of rows and of columns, and the names of the classes.
        classes = lines[0].split(",")[2:]
        for *values, label in csv.reader(lines[1:]):
            yield [*values, classes[int(label)]]


def _read(file: str) -> str:
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "the samples come with scikit-learn, which is not installed; install tensorfleet anew"
        )
    path = Path(spec.origin).parent / "datasets" / "data" / file
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def _plain(number: str) -> str:
    value = float(number)
    return str(int(value)) if value.is_integer() else str(value)

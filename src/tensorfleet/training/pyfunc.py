"""MLflow's loader of our networks: `mlflow.pyfunc.load_model` calls `_load_pyfunc` with the model folder."""

from __future__ import annotations

from typing import Any

from tensorfleet.training.models import Predictor, load_model


class PyfuncModel:
    """The interface that MLflow expects of a python_function."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions for a pandas frame."""
        return self.predictor.predict(data)


def _load_pyfunc(path: str) -> PyfuncModel:
    return PyfuncModel(load_model(path))

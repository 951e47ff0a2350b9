"""What skl2onnx does not know how to convert: transformers and estimators of our own, and where it is behind its libraries."""

from __future__ import annotations

from functools import cache
from typing import Any

from tensorfleet.training.estimators import Components
from tensorfleet.training.preprocessing import AsText, DateParts

_DAY_S, _HOUR_S = 86_400.0, 3_600.0
_DAYS_OF_400_YEARS, _DAYS_TO_MARCH_0 = 146_097.0, 719_468.0


@cache
def register() -> None:
    """Makes skl2onnx know them; once in a process."""
    from skl2onnx import update_registered_converter as update
    from skl2onnx.common._registration import get_converter, get_shape_calculator
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer

    update(AsText, "TensorFleetAsText", _shape_as_given, _as_text)
    update(DateParts, "TensorFleetDateParts", _shape_of_dates, _date_parts, parser=_parse_dates)
    update(
        SimpleImputer, "TensorFleetImputer", _shape_as_given, _plainly(get_converter("SklearnSimpleImputer"))
    )
    pca = get_shape_calculator("SklearnPCA"), _plainly(get_converter("SklearnPCA"))
    update(Components, "TensorFleetComponents", *pca)
    for estimator in (HistGradientBoostingClassifier, HistGradientBoostingRegressor):
        known = f"Sklearn{estimator.__name__}"
        options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False]}
        update(
            estimator,
            f"TensorFleet{estimator.__name__}",
            get_shape_calculator(known),
            _plainly(get_converter(known)),
            options=options if estimator is HistGradientBoostingClassifier else None,
        )


def _shape_as_given(operator: Any) -> None:
    """[rows, columns] of the type that came in."""
    given = operator.inputs[0].type
    columns = sum(one.type.shape[1] for one in operator.inputs)
    operator.outputs[0].type = type(given)([operator.inputs[0].get_first_dimension(), columns])


def _as_text(scope: Any, operator: Any, container: Any) -> None:
    """Whoever asks the file gives texts, and '' for a missing one."""
    name = scope.get_unique_operator_name("AsText")
    container.add_node("Identity", operator.input_full_names, operator.output_full_names, name=name)


def _parse_dates(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Says early that the parts are float32: all that follows is planned by it, and the shape comes too late."""
    from skl2onnx.common.data_types import FloatTensorType

    operator = scope.declare_local_operator("TensorFleetDateParts", model)
    operator.inputs.extend(inputs)
    operator.outputs.append(scope.declare_local_variable("parts", FloatTensorType()))
    return operator.outputs


def _shape_of_dates(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    columns = sum(one.type.shape[1] for one in operator.inputs)
    operator.outputs[0].type = FloatTensorType([operator.inputs[0].get_first_dimension(), 4 * columns])


class _Writer:
    """Arithmetic on float64 tensors, as operators."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def put(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = self._scope.get_unique_operator_name(kind)
        output = output or self._scope.get_unique_variable_name(kind)
        self._container.add_node(kind, list(inputs), [output], name=name, **attributes)
        return output

    def number(self, value: float) -> str:
        from onnx import TensorProto

        name: str = self._scope.get_unique_variable_name("number")
        self._container.add_initializer(name, TensorProto.DOUBLE, [], [value])
        return name

    def whole(self, a: str, b: float) -> str:
        """The whole part of a / b."""
        return self.put("Floor", self.put("Div", a, self.number(b)))

    def rest(self, a: str, b: float) -> str:
        return self.put("Sub", a, self.put("Mul", self.whole(a, b), self.number(b)))


def _date_parts(scope: Any, operator: Any, container: Any) -> None:
    """From seconds since 1970, missing ones NaN, what `DateParts` gives: days, month, weekday, hour."""
    from onnx import TensorProto

    w = _Writer(scope, container)
    seconds = operator.inputs[0].full_name
    day = w.whole(seconds, _DAY_S)
    parts = [
        w.put("Div", seconds, w.number(_DAY_S)),
        _month(w, day),
        w.rest(w.put("Add", day, w.number(3.0)), 7.0),
        w.whole(w.rest(seconds, _DAY_S), _HOUR_S),
    ]
    joined = w.put("Concat", *parts, axis=1)
    w.put("Cast", joined, output=operator.outputs[0].full_name, to=TensorProto.FLOAT)


def _month(w: _Writer, day: str) -> str:
    """Of a day since 1970, by Howard Hinnant's `civil_from_days`: years that begin in March, in cycles of 400."""
    of_cycle = w.rest(w.put("Add", day, w.number(_DAYS_TO_MARCH_0)), _DAYS_OF_400_YEARS)
    leaps = w.put("Sub", w.whole(of_cycle, 36_524.0), w.whole(of_cycle, 1_460.0))
    leaps = w.put("Sub", leaps, w.whole(of_cycle, 146_096.0))
    year = w.whole(w.put("Add", of_cycle, leaps), 365.0)
    begun = w.put("Mul", year, w.number(365.0))
    begun = w.put("Sub", w.put("Add", begun, w.whole(year, 4.0)), w.whole(year, 100.0))
    of_year = w.put("Sub", of_cycle, begun)
    from_march = w.whole(w.put("Add", w.put("Mul", of_year, w.number(5.0)), w.number(2.0)), 153.0)
    # 0 is March, 10 January
    return w.put("Add", w.rest(w.put("Add", from_march, w.number(2.0)), 12.0), w.number(1.0))


def _plainly(convert: Any) -> Any:
    """The same converter, whose attributes hold no booleans among whole numbers, which onnx has come to refuse."""

    def converted(scope: Any, operator: Any, container: Any) -> None:
        convert(scope, operator, _WholeNumbers(container))

    return converted


class _WholeNumbers:
    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *arguments: Any, **attributes: Any) -> Any:
        plain = {name: _plain(value) for name, value in attributes.items()}
        return self._container.add_node(*arguments, **plain)


def _plain(value: Any) -> Any:
    if isinstance(value, list) and any(isinstance(one, bool) for one in value):
        return [int(one) for one in value]
    return value

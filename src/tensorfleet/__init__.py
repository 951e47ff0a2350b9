"""TensorFleet: train, register and watch models on a fleet of workers.

>>> import tensorfleet
>>> client = tensorfleet.Client()
>>> model = client.submit("job.yaml").wait().model
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Client", "JobFailed", "__version__", "train"]

if TYPE_CHECKING:
    from tensorfleet.errors import JobFailed
    from tensorfleet.sdk.client import Client
    from tensorfleet.training import train


def __getattr__(name: str) -> Any:
    # Light processes import this package too: each public name loads what it needs when it is first asked for.
    if name == "Client":
        from tensorfleet.sdk.client import Client

        return Client
    if name == "JobFailed":
        from tensorfleet.errors import JobFailed

        return JobFailed
    if name == "train":
        from tensorfleet.training import train

        return train
    raise AttributeError(f"module 'tensorfleet' has no attribute {name!r}")

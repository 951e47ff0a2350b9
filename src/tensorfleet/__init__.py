"""TensorFleet: train, register and watch models on a fleet of workers.

>>> import tensorfleet
>>> client = tensorfleet.Client()
>>> model = client.submit("job.yaml").wait().model

`AsyncClient` is the same with `await`.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["AsyncClient", "Client", "JobFailed", "__version__", "train", "verify_webhook"]

if TYPE_CHECKING:
    from tensorfleet.errors import JobFailed
    from tensorfleet.sdk.aio.client import AsyncClient
    from tensorfleet.sdk.client import Client
    from tensorfleet.sdk.webhooks import verify_webhook
    from tensorfleet.training import train


def __getattr__(name: str) -> Any:
    # Light processes import this package too: each public name loads what it needs when it is first asked for.
    if name == "Client":
        from tensorfleet.sdk.client import Client

        return Client
    if name == "AsyncClient":
        from tensorfleet.sdk.aio.client import AsyncClient

        return AsyncClient
    if name == "JobFailed":
        from tensorfleet.errors import JobFailed

        return JobFailed
    if name == "train":
        from tensorfleet.training import train

        return train
    if name == "verify_webhook":
        from tensorfleet.sdk.webhooks import verify_webhook

        return verify_webhook
    raise AttributeError(f"module 'tensorfleet' has no attribute {name!r}")

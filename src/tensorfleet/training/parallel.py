"""A network on all ranks of the job: a copy on each (ddp), or a part on each (fsdp)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.training import shared_reduce

if TYPE_CHECKING:
    import torch


class Replicas:
    """The whole network on every rank; gradients are averaged.  One rank alone has nothing to average."""

    shares_evaluation = True
    """Whether each rank can evaluate rows of its own: its forward pass waits for nobody."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        self.model = network

    def start(self, world_size: int) -> None:
        """Joins the other ranks, with the weights that rank 0 has."""
        if world_size > 1:
            self.model = shared_reduce.data_parallel(self.network)

    def weights(self) -> dict[str, Any]:
        return self.network.state_dict()

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        return optimizer.state_dict()

    def load(self, weights: dict[str, Any], optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        self.network.load_state_dict(weights)
        optimizer.load_state_dict(state)


class Shards:
    """A part of every layer on each rank (Zhao et al., "PyTorch FSDP", 2023; torch's `fully_shard`).

    All ranks have to call each method together, and get and give whole weights.
    """

    shares_evaluation = False

    def __init__(self, network: torch.nn.Module) -> None:
        from torch.distributed.fsdp import fully_shard

        for layer in network.children():
            if any(parameter.requires_grad for parameter in layer.parameters()):
                fully_shard(layer)
        fully_shard(network)
        self.network = network
        self.model = network

    def start(self, world_size: int) -> None:
        """Nothing is left to do: its parts were made when it was."""

    def weights(self) -> dict[str, Any]:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        return dict(get_model_state_dict(self.network, options=StateDictOptions(full_state_dict=True)))

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

        options = StateDictOptions(full_state_dict=True)
        return dict(get_optimizer_state_dict(self.network, optimizer, options=options))

    def load(self, weights: dict[str, Any], optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        from torch.distributed.checkpoint.state_dict import (
            StateDictOptions,
            set_model_state_dict,
            set_optimizer_state_dict,
        )

        options = StateDictOptions(full_state_dict=True)
        set_model_state_dict(self.network, weights, options=options)
        set_optimizer_state_dict(self.network, optimizer, state, options=options)


def spread(network: torch.nn.Module, parallel: str, world_size: int) -> Replicas | Shards:
    """The network as `parallel`, `ddp` or `fsdp`, asks; one rank alone always holds all of it."""
    return Shards(network) if parallel == "fsdp" and world_size > 1 else Replicas(network)

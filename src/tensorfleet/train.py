"""`import tensorfleet.train`: what training code calls; see `tensorfleet.training.train`."""

from tensorfleet.training.train import dataset, params, progress, rank, report, restore, save, world_size

__all__ = ["dataset", "params", "progress", "rank", "report", "restore", "save", "world_size"]

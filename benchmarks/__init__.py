"""Measurements: ours, the peers and the bare limit in one run, as ratios of medians.  `make bench` runs them all."""

"""Agents that speak the real protocol and train nothing: a fleet of a hundred in one process, honest or not."""

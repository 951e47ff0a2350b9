"""Registered models: what is known of them here, and what MLflow is to be told."""

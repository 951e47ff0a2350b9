"""Outer things behind ports: the database, the object store, MLflow."""

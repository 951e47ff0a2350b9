"""Shipped for tests, ours and those of plug-ins: real servers that start in a temporary folder."""

"""Webhooks: a workspace's own addresses that are told what happens there, signed, at least once."""

"""Placement: which waiting job gets which workers, decided by a pure function that also explains itself."""

"""What goes over gRPC: the contract (`tensorfleet.proto`), the code generated from it, and `codec.py`, the only translator."""

"""The room in front: HTTP, tokens, streams.  It keeps no state of its own; any number of it may run."""

"""Jobs: what is asked for, the life it leads, and the log of what happened to it."""

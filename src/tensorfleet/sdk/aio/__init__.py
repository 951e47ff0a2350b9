"""The client's source, asynchronous.  `make sdk` makes the files of the same names one folder up of it, which block."""

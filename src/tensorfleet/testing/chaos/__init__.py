"""A certified set of faults against a fleet of one's own, and a verdict on what became of every job."""

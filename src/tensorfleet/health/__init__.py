"""Whether machines are fit for work: figures become a verdict, and verdicts a quarantine.  Pure, as `scheduling` is."""

"""What the platform promises, and whether it keeps it: objectives, what was reached, and how fast the error budget burns."""

"""How long what has ended is kept: jobs, their checkpoints, logs and metrics, and sign-ins that are over."""

"""What was made of what: datasets, the jobs that read them, and the models that came of these."""

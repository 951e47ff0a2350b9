"""Tuning: a study asks for trials, each an ordinary job, until it has the best hyperparameters that it could find."""

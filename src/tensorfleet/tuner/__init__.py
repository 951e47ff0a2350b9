"""The process that conducts studies: asks Optuna, submits trials as jobs, tells it their results, prunes."""

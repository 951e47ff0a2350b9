"""The tracking writer: follows the event log and writes it to MLflow, in batches, at its own pace."""

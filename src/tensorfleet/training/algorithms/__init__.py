"""The built-in algorithms, one file each (or one for a family): hyperparameters, defaults, and how the estimator is made.

These modules are light: a gateway reads them to check job files.  What they need of scikit-learn or PyTorch they import inside
their functions.  A new one is a file here and a line in `tensorfleet.training.registry`; another package adds its own with an
entry point of the group `tensorfleet.algorithms`.
"""

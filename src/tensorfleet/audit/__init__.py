"""The audit log: who did what, from where, with what before and after, in a chain in which nothing can be changed unnoticed."""

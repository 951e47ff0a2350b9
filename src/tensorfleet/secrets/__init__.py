"""Secrets of workspaces: stored encrypted, given to the tasks of jobs that name them, and shown to nobody.

`envelope` seals one text, `keys` finds the platform's keys; both are for other slices too, whatever they have to keep sealed.
"""

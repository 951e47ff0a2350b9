"""The agent: one light process on each machine that runs tasks, keeps what they say on disk, and delivers it.

It imports neither torch nor scikit-learn; a warm template process does, and forks each task.
"""

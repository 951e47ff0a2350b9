"""Small tools that know nothing of jobs, models or workers."""

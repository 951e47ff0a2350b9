"""`tensorfleet up`: all roles of one machine as processes, started, watched, restarted and stopped together."""

"""Who may do what: people and programs, their keys and sessions, workspaces, and the one policy that every route goes through."""

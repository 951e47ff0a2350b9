"""How many workers of which kind there should be: `policy.decide`.  Pure, as `scheduling` is."""

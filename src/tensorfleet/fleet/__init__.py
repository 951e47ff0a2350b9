"""Workers: who belongs to the fleet, what they have, how they are."""

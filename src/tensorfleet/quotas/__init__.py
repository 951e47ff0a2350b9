"""What a workspace may take: of the fleet at a time, of the queue, of a day, and of the store."""

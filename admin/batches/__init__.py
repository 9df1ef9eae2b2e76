"""`face-api batch`: many pictures through a service, here or far away, and none lost."""

"""What runs a network, and in which precision."""

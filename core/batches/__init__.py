"""Batches of pictures: begun, filled, worked on under leases, fetched."""

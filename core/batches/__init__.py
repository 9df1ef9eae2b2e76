"""Batches of pictures: created, filled, processed under leases, downloaded."""

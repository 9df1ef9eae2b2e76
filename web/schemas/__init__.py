"""Requests and answers as the API words them."""

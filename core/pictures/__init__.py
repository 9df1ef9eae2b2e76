"""Bytes to pixels and back: formats, headers, decoders, encoders, metadata."""

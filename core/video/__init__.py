"""Videos: containers, frames, encoding, and the faces that are followed through them."""

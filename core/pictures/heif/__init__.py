"""HEIF and AVIF containers: their boxes and items, and the primary picture."""

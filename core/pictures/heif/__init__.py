"""HEIF and AVIF containers: what they hold, and the one picture that is read."""

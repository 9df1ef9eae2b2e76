"""The settings in parts that `core/config.py` puts together."""

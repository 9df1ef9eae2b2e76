"""The model files: the manifest, where each is available, downloads and digests."""

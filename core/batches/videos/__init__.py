"""Videos, as the server keeps them: a video is a batch whose items, its segments, know each other."""

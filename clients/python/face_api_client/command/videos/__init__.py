"""`face-api video`: mask a video by a service."""

"""Work on videos: one step of one a task."""

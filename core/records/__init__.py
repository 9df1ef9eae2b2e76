"""Images and jobs: stored, listed, edited, reviewed, deleted, counted."""

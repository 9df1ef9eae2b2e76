"""`face-api batch`: processes many pictures with a local or remote service, resumably."""

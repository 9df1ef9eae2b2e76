"""Client of the Face API: finds and masks faces in pictures and videos by a service."""

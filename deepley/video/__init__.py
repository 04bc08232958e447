"""Clips: pairs of frames are read, faces are followed, and each face is judged by its frames and their changes."""

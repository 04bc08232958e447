"""What is in a clip: pairs of frames (`reader`), faces followed through them, and what changes from frame to frame."""

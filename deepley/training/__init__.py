"""Pictures in, a release folder out. Imports keras and numpy, never tensorflow, so any Keras backend can train."""

"""The command line: one file a group of commands, with their arguments and their work.

Imports of what is slow lie in the functions: `jobs list` must not wait for TensorFlow.
"""

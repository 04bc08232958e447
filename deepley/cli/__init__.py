"""The command line: one file for each group of commands, with their arguments and their work.

Slow imports are inside the functions, so that `jobs list` does not wait for TensorFlow.
"""

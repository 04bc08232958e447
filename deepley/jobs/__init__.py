"""A fine-tuning job is a folder: page, command line and trainer read and write the same one, and nothing else."""

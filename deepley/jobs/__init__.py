"""Fine-tuning jobs. A job is a folder: page, command line and trainer share nothing but its files."""

"""Jobs on machines of others: Hugging Face Jobs, staged, followed and brought home."""

"""The Hugging Face Hub through its own client, with a time limit on every request."""

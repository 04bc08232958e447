"""The outside: the Hugging Face Hub, through its own client, with an end to every wait."""

"""Jobs on rented machines: their files are sent to Hugging Face Jobs, followed there, and the release is fetched."""

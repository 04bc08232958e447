"""Training views of a picture: crops, degradations, and blends made of real faces."""

"""What training sees of a picture: crops, treatments, and blends made of real faces."""

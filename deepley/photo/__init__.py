"""What is in a file: untrusted bytes to upright RGB pixels (`decode`), and pixels to aligned faces (`faces`)."""

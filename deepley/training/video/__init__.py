"""The temporal head: synthetic clips of photos, and the training on them."""

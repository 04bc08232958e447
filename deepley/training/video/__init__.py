"""The temporal head: clips made of photos, and what is learnt from them."""

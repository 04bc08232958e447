"""What is in a file.

Untrusted bytes become upright RGB pixels (`decode`), and pixels become aligned faces (`faces`). `provenance` reads what
the file says about itself, `treatment` does to a picture what happens to it on its way to a user.
"""

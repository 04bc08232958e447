"""Labelled pictures: where they come from, what they hold, and how photos become them."""

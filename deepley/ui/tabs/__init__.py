"""One file a tab of the page: its components, its events, and what they show. No tab imports another."""

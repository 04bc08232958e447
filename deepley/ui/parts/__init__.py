"""What several tabs share: inputs, the verdict's card, charts, and pieces of events."""

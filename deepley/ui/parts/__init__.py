"""Parts that several tabs share: inputs, HTML of verdicts, charts, and pieces of events."""

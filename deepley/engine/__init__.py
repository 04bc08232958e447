"""The fastest faithful ways to run a release on this machine, all under one contract (`base`)."""

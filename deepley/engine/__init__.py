"""Ways to run a release on this machine, all under one contract: the protocol in `base`."""

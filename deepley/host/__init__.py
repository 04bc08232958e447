"""The machine: files that are written whole, processor cores, threads that work ahead, and zips from strangers."""

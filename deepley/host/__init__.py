"""The machine: files that are written whole, processor cores, threads that work ahead, work in steps,
and zips from strangers.
"""

"""What this machine gives: files written whole, processor cores, work ahead by threads, and zips read with care."""

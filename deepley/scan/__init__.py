"""Scans photos by the million.

A source is cut into small slices. Each is checked on some core or machine and becomes a part file; at the end the parts
are joined. Finished parts are kept, whatever process is killed.
"""

"""Photos by the million: a source is cut into small slices, each is checked on some core or machine and becomes a part
file, and the parts are joined. What was done stays done, whatever is killed.
"""

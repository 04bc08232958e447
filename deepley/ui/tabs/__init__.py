"""One file for each tab of the page: its components, handlers and events. No tab imports another one."""

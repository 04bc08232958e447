"""The parts of the tab "Train": pictures, recipe, account, machine, and the jobs with their models."""

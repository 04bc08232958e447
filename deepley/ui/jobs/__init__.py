"""What the tab for training is made of: pictures, account, machine, and the jobs that run."""

"""The training loop: phases and rounds, batches, objectives, checkpoints."""

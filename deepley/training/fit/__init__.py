"""The training itself: phases and rounds, batches, objectives, checkpoints."""

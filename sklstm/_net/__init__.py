"""Everything torch: module, losses, batches, the skorch net and its callbacks."""

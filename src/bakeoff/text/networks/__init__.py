"""Networks over word indices: RNNs, a CNN, a transformer, a bag of n-gram embeddings."""

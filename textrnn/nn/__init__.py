"""Recurrent layers, embeddings and dropout: whole sequences in torch, single steps in NumPy."""

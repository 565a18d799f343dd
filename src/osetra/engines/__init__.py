"""Engines advance networks by epochs: tensors in, tensors out; no store, no printing."""

"""Trained models: `score` computes, `model` predicts from tables, `files` saves and loads. Importing this package loads none of them."""

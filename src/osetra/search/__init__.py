"""Samplers propose configurations, schedulers decide how far each is trained; neither knows training."""

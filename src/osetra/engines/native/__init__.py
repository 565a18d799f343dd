"""The native engine: forward, backward and update written as the equations of the course, compiled by Numba."""

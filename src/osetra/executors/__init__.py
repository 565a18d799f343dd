"""Where trials run: threads of this process, one a core."""

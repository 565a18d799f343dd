"""Where trials run: threads of this process, one a core; for objectives of the user's, processes of their own."""

"""What each verb is called with and what its help says. The work itself is beside this folder, imported when a verb runs."""

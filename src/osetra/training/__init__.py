"""How one network is trained and whether that is done right: schedules, stopping, gradient checking; no search, no store."""

"""How many trials this machine trains side by side.

Knows nothing of: trials.
"""


def available_cores() -> int:
    """Cores that this process may use, within its affinity and its container's quota."""
    from joblib import cpu_count

    return max(1, cpu_count())

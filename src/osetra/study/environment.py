"""What a study remembers of where it ran and on what data, so that it can later be told stale.

Knows nothing of: trials.
"""

import hashlib
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_LIBRARIES = ("osetra", "numpy", "numba", "scipy", "pandas", "scikit-learn")


def environment(workers: int) -> dict[str, Any]:
    """Versions and hardware, JSON-able."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "workers": workers,
        "versions": {name: metadata.version(name) for name in _LIBRARIES},
    }


def fingerprint(features: "pd.DataFrame", target: "pd.DataFrame") -> dict[str, Any]:
    """Rows, columns with their types, and a digest of every value in order."""
    import pandas as pd

    hash_rows: Any = pd.util.hash_pandas_object  # pyright: ignore[reportAttributeAccessIssue]
    digest = hashlib.sha256()
    for frame in (features, target):
        digest.update(hash_rows(frame, index=False).to_numpy().tobytes())
    columns = {str(name): str(dtype) for frame in (features, target) for name, dtype in frame.dtypes.items()}
    return {"rows": len(features), "columns": columns, "sha256": digest.hexdigest()}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 -- not a file of ours
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"

"""What a study remembers of where it ran and on what data, so that it can later be told stale.

Knows nothing of: trials.
"""

import hashlib
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from osetra.data.images import Images
from osetra.data.sketch import sketch

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


def fingerprint(features: "pd.DataFrame | Images", target: "pd.DataFrame") -> dict[str, Any]:
    """Rows, columns with their types, a digest of every value in order, and a sketch, with which data that has grown since is compared.

    Of images also `images`, their height, width and channels.
    """
    import pandas as pd

    hash_rows: Any = pd.util.hash_pandas_object  # pyright: ignore[reportAttributeAccessIssue]
    digest = hashlib.sha256()
    frames: list[pd.DataFrame] = [target]
    facts: dict[str, Any] = {"rows": len(features)}
    if isinstance(features, Images):
        digest.update(features.pixels.data)
        facts["images"] = list(features.shape)
    else:
        frames = [features, target]
    for frame in frames:
        digest.update(hash_rows(frame, index=False).to_numpy().tobytes())
    columns = {str(name): str(dtype) for frame in frames for name, dtype in frame.dtypes.items()}
    return {**facts, "columns": columns, "sha256": digest.hexdigest(), "sketch": sketch(features, target)}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 -- not a file of ours
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"

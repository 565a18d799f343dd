"""The verb `doctor`: can this machine train, and how fast."""

import time
from pathlib import Path
from typing import Any

from osetra.cli.screen import output, print_json
from osetra.core.errors import OsetraError


def examine(store: str, *, as_json: bool) -> None:
    """Versions, cores, compiled code, BLAS rate and the store, one line each."""
    facts = _facts(store)
    if as_json:
        print_json(facts)
        return
    console = output()
    for name, fact in facts.items():
        console.print(f"{name:<18}{fact}", soft_wrap=True)


def _facts(store: str) -> dict[str, Any]:
    from osetra.engines.native.engine import NativeEngine
    from osetra.engines.native.kernel import cache_folder
    from osetra.executors.threads import available_cores
    from osetra.study.environment import environment

    cores = available_cores()
    place = environment(cores)
    compiled = NativeEngine.is_compiled()
    began = time.perf_counter()
    NativeEngine.compile()
    ready = time.perf_counter() - began
    return {
        "osetra": place["versions"]["osetra"],
        "python": place["python"],
        "libraries": ", ".join(f"{name} {version}" for name, version in place["versions"].items() if name != "osetra"),
        "machine": f"{place['platform']}, {place['processor']}",
        "cores": cores,
        "native engine": f"{'loaded' if compiled else 'compiled'} in {ready:.1f} s",
        "compiled code": str(cache_folder()),
        "one core's speed": f"{_gflops():.0f} GFLOP/s in float32 products",
        "PyTorch": _torch(),
        "store": _store(store),
    }


def _gflops() -> float:
    """The rate of a 1024 x 1024 product on one thread, best of five."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    size = 1024
    a = np.ones((size, size), dtype=np.float32)
    best = 0.0
    with threadpool_limits(1, user_api="blas"):
        for _ in range(5):
            began = time.perf_counter()
            np.matmul(a, a)
            best = max(best, 2 * size**3 / (time.perf_counter() - began) / 1e9)
    return best


def _torch() -> str:
    from importlib import metadata

    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return 'not installed (optional: pip install "osetra[torch]")'


def _store(store: str) -> str:
    from osetra.store.sql import open_store

    if "://" not in store and not Path(store).exists():
        return f"{store}: none yet, the first fit makes it"
    try:
        opened = open_store(store, create=False, read_only=True)
    except OsetraError as error:
        return str(error)
    count = len(opened.studies())
    opened.close()
    return f"{store}: {count:,} {'study' if count == 1 else 'studies'}"

"""The verb `upgrade`: a store of an older osetra is brought up to date."""

from osetra.cli.screen import output


def run_upgrade(store: str) -> None:
    """Open the store once for writing, and say from which version to which it came. Raises StoreError if none is there."""
    from osetra.store.sql import upgrade_store

    done = upgrade_store(store)
    if done.found == done.version:
        said = f"{done.where} is up to date ({done.version})"
    else:
        said = f"{done.where}: version {done.found} brought to {done.version}"
    output().print(said, soft_wrap=True)

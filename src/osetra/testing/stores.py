"""What any store must do: the contract behind `osetra.core.ports.Store`.

Subclass it and hand each method an empty store; with pytest that is a fixture:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = MyStore(tmp_path)
            yield store
            store.close()

Each method is a claim and raises AssertionError where the store breaks it. Needs no pytest. `ControlContract` of
`osetra.testing.stores_control`, mixed in, asks the same of commands, checkpoints and writers, and `BoardContract` of
`osetra.testing.stores_board` of reading many trials at once.
Knows nothing of: how a store keeps things.
"""

from osetra.testing.stores_calls import CallsContract
from osetra.testing.stores_curves import CurvesContract
from osetra.testing.stores_made import NOON as NOON
from osetra.testing.stores_made import everything as everything
from osetra.testing.stores_made import make_epoch as make_epoch
from osetra.testing.stores_made import make_event as make_event
from osetra.testing.stores_made import make_study as make_study
from osetra.testing.stores_made import make_trial as make_trial
from osetra.testing.stores_made import numbers as numbers
from osetra.testing.stores_made import refusal as refusal
from osetra.testing.stores_studies import StudiesContract
from osetra.testing.stores_trials import TrialsContract


class StoreContract(StudiesContract, TrialsContract, CurvesContract, CallsContract):
    """Every method takes an empty store."""

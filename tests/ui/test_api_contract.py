"""The REST API against its own description, by schemathesis: what is drawn from it is answered as it says, the rest refused."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from osetra.ui.api import WholeNames, api_of
from osetra.ui.reading import Reading

from .conftest import copy_store

APP = api_of(Reading(None, "none.db"))
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@pytest.fixture(scope="module", autouse=True)
def _people(demo_home, tmp_path_factory):
    """The description is known before there is a store. The store is a copy, since commands are kept in it."""
    assert isinstance(APP, WholeNames)
    APP.app.state.reading = Reading(None, str(copy_store(demo_home / "osetra.db", tmp_path_factory.mktemp("contract") / "osetra.db")))


@schema.hook
def map_path_parameters(_context, parameters):
    """Most names that are drawn are no study's, and there would be little but 404."""
    if isinstance(parameters, dict) and isinstance(parameters.get("study"), str) and len(parameters["study"]) % 2:
        return {**parameters, "study": "people", **({"number": 3} if isinstance(parameters.get("number"), int) else {})}
    return parameters


@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_keeps_to_its_description(case):
    case.call_and_validate()

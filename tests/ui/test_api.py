"""The REST API, asked as an ASGI application: what it answers, what it refuses, and that it keeps to its own description."""

import contextlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from cli.calls import osetra_here, strict_json
from osetra.core.records import CommandState, StudyState
from osetra.store.sql import open_store
from osetra.ui.api import api_of
from osetra.ui.reading import Reading
from osetra.ui.routes import MOST_ROWS

from .calling import Caller
from .conftest import ODD, copy_store

AT_ODD = f"/studies/{quote(ODD, safe='')}"


@pytest.fixture(scope="module")
def app(demo_home):
    return api_of(Reading(None, str(demo_home / "osetra.db")))


@pytest.fixture(scope="module")
def api(app):
    return Caller(app, "http://127.0.0.1:8888")


def _read(api, path, **params):
    answer = api.get(path, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return strict_json(answer.text)


def _refused(answer, code):
    assert answer.status_code == code, answer.text
    told = strict_json(answer.text)
    assert list(told) == ["error"]
    return told["error"]


def _printed(demo_home, *arguments):
    call = osetra_here(demo_home, *arguments, "--json")
    assert call.code in (0, 10), call.err
    return strict_json(call.out)


def _moments(given):
    """The same with +00:00 for Z."""
    return json.loads(json.dumps(given).replace('Z"', '+00:00"'))


def test_it_answers_what_the_command_line_prints(api, demo_home):
    printed = _printed(demo_home, "studies")
    read = _moments(_read(api, "/studies"))
    assert [one["study"] for one in read] == [one["study"] for one in printed]
    assert all(printed[place][name] == fact for place, one in enumerate(read) for name, fact in one.items())
    shown = _printed(demo_home, "show", "people")
    assert _read(api, "/studies/people/importance") == shown.pop("importance")
    assert _moments(_read(api, "/studies/people")) == shown
    assert _read(api, "/studies/people/trials", limit=20)["trials"] == _printed(demo_home, "trials", "people")
    best = _printed(demo_home, "best", "people")
    assert _read(api, "/studies/people/best").items() <= best.items()
    trial = _printed(demo_home, "show", "people", best["trial"])
    assert _read(api, f"/studies/people/trials/{best['trial']}").items() <= trial.items()
    assert _read(api, f"/studies/people/trials/{best['trial']}/curve") == trial["curve"]
    events = _moments(_read(api, f"/studies/people/trials/{best['trial']}/events"))
    told = [{name: one[name] for name in ("epoch", "kind", "who", "at", "detail")} for one in events if one["kind"] != "probe"]
    assert told == trial["events"]
    assert [one["detail"]["layers"] for one in events if one["kind"] == "probe"] == [one["layers"] for one in trial["probes"]]
    assert _read(api, "/studies/people/diagnosis") == _printed(demo_home, "diagnose", "people")
    assert _read(api, "/studies/people/diagnosis", trial=3) == _printed(demo_home, "diagnose", "people", "--trial", 3)
    assert _read(api, "/studies/people/space") == _printed(demo_home, "space", "people")
    lineage = _printed(demo_home, "lineage", "people", best["trial"])
    assert _moments(_read(api, f"/studies/people/trials/{best['trial']}/lineage")) == lineage
    assert _moments(_read(api, "/studies/people/due")) == _printed(demo_home, "due", "people", "--no-data")[0]
    assert _moments(_read(api, "/due")) == _printed(demo_home, "due", "--no-data")
    assert _moments(_read(api, "/studies/people/due", data=True)) == _printed(demo_home, "due", "people")[0]
    assert _read(api, "/studies/people/plan") == shown["plan"]


def test_a_study_that_nobody_trains_is_told_as_that_though_its_record_says_running(tmp_path, demo_home):
    path = copy_store(demo_home / "osetra.db", tmp_path / "osetra.db")
    api = Caller(api_of(Reading(None, str(path))), "http://127.0.0.1:8888")
    store = open_store(path)
    began = datetime.now(UTC) - timedelta(hours=1)
    store.update_study(replace(store.study("people"), state=StudyState.RUNNING, finished=None, created=began))
    store.close()
    told = [_read(api, "/studies/people"), next(one for one in _read(api, "/studies") if one["study"] == "people")]
    assert [(one["state"], one["is_trained"]) for one in told] == [("running", False)] * 2


def test_a_smoothed_curve_is_that_of_the_command_line(api, demo_home):
    printed = _printed(demo_home, "show", "people", 1, "--smooth", 0.9)["curve"]
    assert _read(api, "/studies/people/trials/1/curve", smooth=0.9) == printed
    assert printed != _read(api, "/studies/people/trials/1/curve")


def test_pages_of_trials_join_without_gap_or_overlap(api):
    whole = _read(api, "/studies/people/trials", limit=MOST_ROWS)
    assert whole["total"] == len(whole["trials"]) == 24
    pages = [_read(api, "/studies/people/trials", limit=7, offset=offset)["trials"] for offset in range(0, 28, 7)]
    assert [trial for page in pages for trial in page] == whole["trials"]
    assert _read(api, "/studies/people/trials", offset=10**15)["trials"] == []


def test_trials_are_sorted_and_filtered_by_any_column(api):
    rates = [
        one["configuration"]["learning_rate"] for one in _read(api, "/studies/people/trials", sort="configuration.learning_rate")["trials"]
    ]
    assert rates == sorted(rates)
    numbers = [one["trial"] for one in _read(api, "/studies/people/trials", sort="number", descending=True)["trials"]]
    assert numbers == list(range(23, -1, -1))
    middle = rates[12]
    above = _read(api, "/studies/people/trials", where=[f"configuration.learning_rate>={middle}", "number<=10"])
    assert above["total"] == len(above["trials"]) > 0
    assert all(one["configuration"]["learning_rate"] >= middle and one["trial"] <= 10 for one in above["trials"])
    states = {one["state"] for one in _read(api, "/studies/people/trials", limit=MOST_ROWS)["trials"]}
    for state in states:
        by_state = _read(api, "/studies/people/trials", state=state)
        assert {one["state"] for one in by_state["trials"]} == {state}
        assert _read(api, "/studies/people/trials", where=f"state={state}")["total"] == by_state["total"]
        assert _read(api, "/studies/people")["trial_states"][state] == by_state["total"]


def test_a_name_with_slash_percent_and_markup_is_found_and_comes_back_as_it_is(api):
    assert _read(api, AT_ODD)["study"] == ODD
    assert _read(api, f"{AT_ODD}/trials/1")["reason"] == "<img src=x>"
    for half in ("/studies/a", "/studies/a/b", AT_ODD.replace("%2F", "%252F")):
        assert _refused(api.get(half), 404)


def test_what_is_not_finite_is_null(api):
    first = _read(api, f"{AT_ODD}/trials/0/curve")[0]
    assert [first[name] for name in ("train_cost", "train_error", "dev_loss", "dev_error")] == [None, None, None, 2.0]
    assert _read(api, f"{AT_ODD}/events")[0]["detail"] == {"layers": [{"gradient_norm": None}]}
    odd = _read(api, AT_ODD)
    assert odd["loss"] is None
    assert odd["seed"] == 2**70


def test_checkpoints_and_commands_are_listed(api):
    assert [(one["trial"], one["epoch"], one["why"]) for one in _read(api, f"{AT_ODD}/checkpoints")] == [(0, 2, "asked")]
    assert _read(api, f"{AT_ODD}/trials/1/checkpoints") == []
    waits, refused = _read(api, f"{AT_ODD}/commands")
    assert (waits["state"], waits["why"], refused["state"], refused["answer"]) == ("waiting", "<script>", "refused", "it is over")
    assert _read(api, f"{AT_ODD}/commands", state="refused") == [refused] == _read(api, f"{AT_ODD}/commands", after=waits["id"])
    assert _read(api, f"{AT_ODD}/commands/{waits['id']}") == waits
    assert "has no command 999" in _refused(api.get(f"{AT_ODD}/commands/999"), 404)


def test_figures_are_plotly_s(api):
    import plotly.graph_objects as go

    listed = _read(api, "/studies/people/figures")["figures"]
    drawn = {}
    for name in listed:
        params = {"of": "learning_rate"} if name == "scatter" else {}
        answer = api.get(f"/studies/people/figures/{name}", params=params)
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            drawn[name] = go.Figure(strict_json(answer.text))
    assert {"curves", "leaderboard", "scatter", "parallel", "ladder", "layers", "confusion", "calibration"} <= set(drawn)
    assert all(figure.data for figure in drawn.values())
    assert "residuals, which regression has" in _refused(api.get("/studies/people/figures/residuals"), 409)
    assert "needs a hyperparameter that study 'people' searched" in _refused(
        api.get("/studies/people/figures/scatter", params={"of": "x"}), 409
    )


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/studies/none", 404, "no study is named 'none'"),
        ("/studies/people/trials/24", 404, "24"),
        ("/studies/people/trials/999999999999999", 404, "trial"),
        ("/studies/people/trials/-1", 422, "greater than or equal to 0"),
        ("/studies/people/trials/x", 422, "integer"),
        ("/studies/people/trials?limit=1001", 422, "limit"),
        ("/studies/people/trials?sort=configuration.a'b", 422, "sort"),
        ("/studies/people/trials?where=epochs>=many", 422, "where"),
        ("/studies/people/trials?where=epochs", 422, "where"),
        ("/studies/people/trials?state=lost", 422, "'waiting', 'running'"),
        ("/studies/people/trials/1/curve?smooth=1", 422, "less than 1"),
        ("/studies/people/figures/pie", 422, "curves"),
        ("/studies/people/figures/layers?of=best", 409, "needs the number of a trial"),
        ("/studies/people/diagnosis?base_error=2", 409, "base_error must be an error rate"),
        ("/studies/people/figures/curves?of=x", 409, "of is for scatter, residuals and layers"),
        ("/studies/people/importance?share=0.5&region=0.4", 409, "share"),
        (f"{AT_ODD}/diagnosis", 409, "needs a training and a dev error"),
        (f"{AT_ODD}/importance", 409, "trials"),
        (f"{AT_ODD}/plan", 409, "was begun without a plan"),
        (f"{AT_ODD}/due", 409, "re-test needs a study"),
        ("/nothing", 404, "Not Found"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_why(api, path, code, said):
    assert said in _refused(api.get(path), code)


@pytest.mark.parametrize(
    "order",
    [
        {}, [], None, "pause", {"kind": "explode"}, {"kind": "set"}, {"kind": "set", "settings": {}},
        {"kind": "set", "settings": {"learning_rate": None}},
        {"kind": "set", "settings": {"learning_rate": [1]}}, {"kind": "set", "settings": {"a b": 1}}, {"kind": "extend", "epochs": 0},
        {"kind": "extend", "epochs": 1.5}, {"kind": "extend", "epochs": True}, {"kind": "extend", "epochs": "1"}, {"kind": "rollback"},
        {"kind": "rollback", "epoch": "first"}, {"kind": "rollback", "epoch": -1}, {"kind": "pause", "epochs": 1},
        {"kind": "pause", "why": 5},
        {"kind": "pause", "why": "x" * 1001}, {"kind": "pause", "why": "a\u0000b"}, {"kind": "pause", "why": "\ud800"},
        {"kind": "branch", "settings": 5},
    ],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_refused_before_anything_is_asked(api, order):
    before = _read(api, "/studies/people/commands")
    _refused(
        api.post("/studies/people/trials/1/commands", content=json.dumps(order).encode(), headers={"content-type": "application/json"}), 422
    )
    assert _read(api, "/studies/people/commands") == before


def test_numbers_that_are_not_finite_are_no_settings(api):
    for text in ("NaN", "Infinity", "1e999"):
        body = f'{{"kind": "set", "settings": {{"learning_rate": {text}}}}}'.encode()
        _refused(api.post("/studies/people/trials/1/commands", content=body, headers={"content-type": "application/json"}), 422)


def test_a_command_to_a_study_that_nobody_trains_cannot_be_done(api):
    told = _refused(api.post("/studies/people/trials/1/commands", json={"kind": "pause"}), 409)
    assert "a trial is steered while its study is trained" in told
    assert "osetra resume" in _refused(api.post(f"{AT_ODD}/trials/0/commands", json={"kind": "pause"}), 409)
    assert _refused(api.post(f"{AT_ODD}/commands", json={"edits": {"learning_rate": "log(1e-4, 0.1)"}}), 409)
    assert "osetra resume" in _refused(api.post(f"{AT_ODD}/stop", json={}), 409)
    _refused(api.post(f"{AT_ODD}/stop", json={"trial": 1}), 422)
    _refused(api.post("/studies/people/trials/99/commands", json={"kind": "pause"}), 404)


@contextlib.contextmanager
def _somebody_trains(path, study, answer):
    """Whoever trains a study, as far as commands go: `answer` gets each and says what becomes of it; None: it waits on."""
    store, over = open_store(path), threading.Event()
    store.claim(study, "a test")

    def work():
        while not over.wait(0.02):
            for command in store.commands(study, state=CommandState.WAITING):
                if (said := answer(command)) is not None:
                    store.answer_command(study, command.id, state=said[0], answer=said[1], epoch=said[2], at=datetime.now(UTC))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        store.release(study, "a test")
        store.close()


def test_commands_are_carried_out_refused_or_wait(tmp_path, demo_home):
    path = copy_store(demo_home / "osetra.db", tmp_path / "osetra.db")
    heard = []

    def answer(command):
        heard.append((command.trial, command.kind, dict(command.detail), command.why))
        if command.kind == "pause":
            return None
        if command.kind == "stop" and command.trial is not None:
            return CommandState.REFUSED, "trial 3 is over", None
        return CommandState.DONE, f"{command.kind} from epoch 2 on", 2

    api = Caller(api_of(Reading(None, str(path))), "http://127.0.0.1:8888")
    store = open_store(path)
    store.update_study(replace(store.study("people"), state=StudyState.RUNNING, finished=None))
    store.close()
    trial = "/studies/people/trials/3/commands"
    with _somebody_trains(path, "people", answer):
        done = api.post(trial, json={"kind": "set", "settings": {"learning_rate": 0.5, "batch_norm": False}, "why": "<b>"})
        assert done.status_code == 200, done.text
        told = strict_json(done.text)
        assert (told["state"], told["answer"], told["epoch"], told["trial"]) == ("done", "set from epoch 2 on", 2, 3)
        assert heard[0] == (3, "set", {"settings": {"learning_rate": 0.5, "batch_norm": False}}, "<b>")
        for order, detail in (
            ({"kind": "continue"}, {}),
            ({"kind": "extend", "epochs": 5}, {"epochs": 5}),
            ({"kind": "rollback", "epoch": "best"}, {"epoch": "best"}),
            ({"kind": "branch"}, {"settings": {}}),
            ({"kind": "branch", "epoch": 1, "settings": {"l2": 0.1}}, {"epoch": 1, "settings": {"l2": 0.1}}),
        ):
            assert api.post(trial, json=order).status_code == 200
            assert heard[-1] == (3, order["kind"], detail, "")
        assert "trial 3 is over" in _refused(api.post(trial, json={"kind": "stop"}), 409)
        edited = api.post("/studies/people/commands", json={"edits": {"learning_rate": "log(1e-4, 0.1)"}})
        assert (edited.status_code, heard[-1][:3]) == (200, (None, "edit", {"edits": {"learning_rate": "log(1e-4, 0.1)"}}))
        ended = api.post("/studies/people/stop", json={"why": "enough"})
        assert (ended.status_code, heard[-1]) == (200, (None, "stop", {}, "enough"))
        waits = api.post(trial, params={"wait_s": 0}, json={"kind": "pause"})
        assert waits.status_code == 202
        later = _read(api, waits.headers["location"])
        assert (later["id"], later["kind"], later["state"]) == (strict_json(waits.text)["id"], "pause", "waiting")


def test_without_a_store_there_are_no_studies_until_the_first_is_made(tmp_path, demo_home):
    path = tmp_path / "later.db"
    api = Caller(api_of(Reading(None, str(path))), "http://127.0.0.1:8888")
    assert _read(api, "/studies") == []
    assert "the first fit makes the store" in _refused(api.get("/studies/people"), 404)
    assert not path.exists()
    path.write_bytes(b"")
    assert _read(api, "/studies") == []
    path.unlink()
    copy_store(demo_home / "osetra.db", path)
    assert len(_read(api, "/studies")) == 2


def test_a_store_that_cannot_be_read_is_503(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("somebody's notes", encoding="utf-8")
    api = Caller(api_of(Reading(None, str(path))), "http://127.0.0.1:8888")
    assert "is a file of another kind" in _refused(api.get("/studies"), 503)

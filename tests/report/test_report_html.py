"""The report: one page that needs nothing else, well formed, verdict first, every text of a study escaped, of bounded size."""

import base64
import hashlib
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import osetra
from osetra.cli.app import main
from osetra.core.errors import InputError
from osetra.core.records import StudyState, Task
from osetra.report.figures.sample import MOST_CURVES, curves_of
from osetra.report.gathered import Gathered
from osetra.report.html import _library, report_page
from osetra.report.markup import Markup, code, data_element, join, table, tag
from osetra.report.repeating import call, command, space_options
from osetra.store.sql import open_store
from osetra.study.plot import gather

from . import made_study
from .made_study import HOSTILE, SPACE, made

VOID = {"meta", "img", "br", "hr", "link", "input", "base"}
MB = 1_000_000


class Page(HTMLParser):
    """The elements of a page, held to be well nested, and the text of each script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.text, self._open, self._headings = [], [], "", [], []
        self.feed(text)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "script":
            self.scripts.append("")
        if re.fullmatch("h[1-6]", tag):
            self._headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def headings(self):
        return self._headings

    @property
    def figures(self):
        return json.loads(self.scripts[0])["figures"]


def page_of(study):
    return Page(report_page(gather(study)))


@pytest.fixture(scope="module")
def text():
    return report_page(gather(made(), base_error=0.01))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_is_well_formed_with_headings_in_order(text, page):
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(page.headings))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_link_leads_somewhere_in_the_page_and_nothing_is_loaded(page):
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [attributes["href"] for attributes in page.named("a")]
    assert len(links) > 20
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    for name, attributes in page.elements:
        assert name not in ("link", "iframe", "object", "embed", "base", "form", "img")
        assert not {"src", "srcset", "data", "action", "poster"} & attributes.keys()
        assert not any(key.startswith("on") for key in attributes)
        assert "url(" not in attributes.get("style", "")


def test_only_the_pages_own_scripts_may_run(text, page):
    policy = page.named("meta")[1]["content"]
    assert page.named("meta")[1]["http-equiv"] == "Content-Security-Policy"
    data, *programs = page.scripts
    assert json.loads(data)["figures"]
    assert page.named("script")[0] == {"type": "application/json", "id": "figure-data"}
    digests = [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in programs]
    assert re.search(r"script-src ([^;]*)", policy)[1].split() == digests
    assert policy.startswith("default-src 'none';")
    assert "url(" not in re.search("<style>(.*?)</style>", text, re.DOTALL)[1]


def test_the_figure_library_is_there_once(text):
    assert text.count(_library()) == 1
    assert len(re.findall(r"plotly\.js v\d", text)) == 1


def test_every_figure_has_a_place_a_name_and_words(page):
    plots = {a["id"]: a for _, a in page.elements if a.get("class") == "plot"}
    assert plots.keys() == page.figures.keys()
    assert len(plots) >= 18
    words = {a["id"] for a in page.named("figcaption") if "id" in a}
    for attributes in plots.values():
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
        assert attributes["aria-describedby"] in words


def test_the_verdict_comes_first_then_what_was_done_then_figures(text, page):
    found = made().diagnose(0.01)
    verdict = found.sentence
    body = page.text[page.text.index("Verdict", page.text.index("To repeat it")) :]
    assert body.index(verdict) < body.index("What to do next") < body.index("What was done") < body.index("The search")
    first = found.first_action
    said = body[: body.index("What was done")]
    assert first.sentence in said
    assert "osetra fit made.csv --target y --trials 24 --seed 3 --" in said
    assert "osetra diagnose made --apply" in said
    assert "9.00 %95 % interval 8.50 to 9.50 %; 400 rows, measured once" in said
    ids = [a["id"] for name, a in page.elements if name == "section"]
    assert ids[:4] in (["verdict", "next", "noticed", "done"], ["verdict", "next", "done", "curves"])
    order = [
        "curves",
        "leaderboard",
        "importance",
        "parallel",
        "scatter",
        "ladder",
        "bias_variance",
        "references",
        "confusion",
        "calibration",
    ]
    order += ["boundary", "learning_curve", "layers", "slices", "worst_rows", "events", "plan", "repeat"]
    assert [one for one in ids if one in order] == order


def test_of_many_actions_the_first_are_said_and_the_others_folded_away():
    of = gather(made(), base_error=0.01)
    many = [{**of.diagnosis["actions"][0], "name": f"action {number}"} for number in range(1, 8)]
    text = report_page(replace(of, diagnosis={**of.diagnosis, "actions": many}))
    at = [text.index(f"<strong>Action {number}.") for number in range(1, 8)]
    assert at == sorted(at)
    assert at[4] < text.index('<summary>2 more, less urgent</summary><ol start="6">') < at[5]


def test_somebody_who_was_not_there_reads_what_was_done(page):
    said = page.text[page.text.rindex("What was done") :]
    for sentence in (
        "On 2026-03-01 osetra trained networks for binary classification of y on made.csv, 2,000 rows of 2 features, with seed 3.",
        "The rows were dealt out at random: 1,200 rows train, 400 dev, 400 test.",
        "5 hyperparameters (learning_rate, hidden_units, keep_prob, num_layers and schedule) were searched in waves",
        "That took 24 trials and 200 epochs in 1 min 30 s; all trials of the budget were trained.",
    ):
        assert sentence in said, sentence


def test_the_leaderboard_lists_the_best_twenty_in_order(text):
    body = text[text.index("The best 20 of 24 trials") :]
    numbers = [int(number) for number in re.findall(r'<tr><td class="number">(\d+)</td>', body[: body.index("</table>")])]
    listed = sorted(made_study.trials(), key=lambda trial: trial.dev_error)
    assert numbers == [trial.number for trial in listed[:20]]


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION, Task.OBJECTIVE])
def test_no_text_of_a_study_is_markup(task):
    study = made(task, name=HOSTILE, labels=(HOSTILE, "yes"), names=(HOSTILE, "north"), notes=[HOSTILE], ended=HOSTILE)
    listed = [replace(trial, reason=HOSTILE, configuration={**trial.configuration, "schedule": HOSTILE}) for trial in study.trials()]
    of = replace(gather(study), trials=listed, study=replace(study.record, target=HOSTILE, source=HOSTILE, reason=HOSTILE))
    page = Page(report_page(of))
    assert len(page.scripts) == 3
    assert not page.named("img")
    assert not page.named("b")
    assert "window.hacked" in page.text
    for figure in page.figures.values():
        assert "<script" not in json.dumps(figure)


def test_the_page_does_not_grow_with_the_study():
    def bytes_of(count):
        listed = sorted(made_study.trials(count), key=lambda trial: trial.dev_error)
        curves = {trial.number: made_study.curve(trial, epochs=400) for trial in curves_of(listed)}
        of = Gathered(
            study=made_study.record(),
            trials=listed,
            best=listed[0],
            curves=curves,
            space=SPACE,
            notable=made_study.events(listed),
            times={"started": range(count), "finished": range(60, count + 60)},
        )
        page = report_page(of)
        assert f"{MOST_CURVES} of {count:,} trials drawn" in page
        return len(page.encode()) - len(_library().encode())

    small, large = bytes_of(2_100), bytes_of(6_300)
    assert large < 2.5 * MB
    assert large < 1.1 * small


def test_long_texts_of_a_study_are_cut():
    page = report_page(gather(made(notes=["n" * MB], ended="e" * MB)))
    assert len(page) - len(_library()) < 0.5 * MB


def test_an_objectives_report_speaks_of_values_and_of_no_parts():
    page = page_of(made(Task.OBJECTIVE))
    assert f"The lowest value is {made_study.error_of(7):.5f}, of trial 7 among 24 trials." in page.text
    assert "osetra.optimize(" in page.text
    for word in ("dev error", "RMSE", "Bias and variance", "Confusion", "test error", "dev part"):
        assert word not in page.text, word
    greatest = page_of(made(Task.OBJECTIVE, direction="maximize"))
    assert "The greatest value" in greatest.text


def test_a_regressions_report_has_residuals_and_no_classes():
    page = page_of(made(Task.REGRESSION))
    ids = {a.get("id") for _, a in page.elements}
    assert {"residuals", "worst_rows", "boundary"} <= ids
    assert not {"confusion", "calibration"} & ids


def test_an_older_studys_report_leaves_out_what_it_did_not_keep():
    page = page_of(made(evaluation=None, references=None, learning_curve=None, plan=None, asked=None, environment=None, fingerprint=None))
    ids = {a.get("id") for _, a in page.elements}
    assert not {"confusion", "references", "plan", "learning_curve", "slices", "boundary"} & ids
    assert {"curves", "leaderboard", "bias_variance", "repeat"} <= ids
    assert "osetra.fit(" in page.text


def test_a_study_that_has_only_begun_has_a_report_that_says_so():
    study = made(count=0, best=None, dev=None, test=None, ended=None, seconds=None, evaluation=None)
    of = replace(gather(study), study=replace(study.record, state=StudyState.RUNNING, reason=""))
    page = Page(report_page(of))
    assert "No trial has come to a result yet: the study is running." in page.text
    assert "importance needs" in page.text.lower()


def test_the_command_that_repeats_a_study_is_what_was_asked():
    asked = {
        "data": "/d/x.csv", "target": ["a b", "c"], "task": "regression", "drop": ["id"], "sizes": [0.8, 0.1, 0.1], "groups": "g",
        "time_column": "t", "weights": "w", "epochs_per_trial": 5, "patience": 0, "strategy": "random+asha", "finals": False,
        "ensemble": True, "warm_start": None, "workers": 2, "class_weight": [["yes", 3.0], ["no", 1.0]], "dev": "/d/dev.csv", "test": False,
    }  # fmt: skip
    of = made_study.record(asked=asked, budget={"seconds": 30.0, "trials": None, "epochs": 9})
    assert shlex.split(command(of, more="--set l2=1")) == [
        "osetra", "fit", "made.csv", "--target", "a b", "--target", "c", "--budget", "30s", "--epochs", "9", "--task", "regression",
        "--groups", "g", "--epochs-per-trial", "5", "--patience", "0", "--weights", "w", "--workers", "2", "--time", "t", "--drop", "id",
        "--sizes", "0.8,0.1,0.1", "--strategy", "random+asha", "--no-finals", "--ensemble", "--dev", "/d/dev.csv", "--no-test",
        "--class-weight", "yes=3,no=1", "--seed", "3", "--set", "l2=1",
    ]  # fmt: skip
    assert command(made_study.record(asked={**asked, "data": "in memory"})) is None
    assert command(made_study.record(Task.OBJECTIVE)) is None


def test_the_space_spelled_out_is_the_space():
    from osetra.space.words import parse_scale

    words = shlex.split(space_options(SPACE))
    entries = dict(one.split("=", 1) for one in words[1::2])
    assert words[::2] == ["--set"] * len(entries)
    assert osetra.Space({name: parse_scale(text) for name, text in entries.items()}) == SPACE


@pytest.mark.parametrize("task", [Task.BINARY, Task.OBJECTIVE])
def test_the_call_that_repeats_a_study_is_python_with_its_options(task, monkeypatch):
    called = {}
    function = "optimize" if task is Task.OBJECTIVE else "fit"
    monkeypatch.setattr(osetra, function, lambda first, *rest, **options: called.update(options, first=first, rest=rest), raising=False)
    exec(call(made_study.record(task, target_name=None), SPACE), {"data": "the data", "objective": "the objective"})
    assert called["seed"] == 3
    assert called["trials"] == 24
    assert called["rest"] == ((SPACE,) if task is Task.OBJECTIVE else ())
    assert called.get("target", "y") == "y"


def test_a_report_is_written_whole_or_not_at_all(tmp_path):
    path = made().report(tmp_path / "r.html")
    assert Page(path.read_text(encoding="utf-8")).scripts
    assert path.stat().st_mode & 0o044
    with pytest.raises(
        InputError, match=r"needs a file that can be written, got .*none/r\.html: No such file or directory; name another place"
    ):
        made().report(tmp_path / "none" / "r.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match="name another place"):
        made().report(tmp_path / "folder.html")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder.html", "r.html"]


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["osetra", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    return left.value.code, out, err


def test_the_verb_writes_the_file_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OSETRA_STORE", raising=False)
    store = open_store(tmp_path / "s.db")
    made(name="a/b: ..", store=store)
    store.close()
    code_, out, _ = run(monkeypatch, capsys, "report", "--store", "s.db")
    assert code_ == 0
    (path,) = tmp_path.glob("*.html")
    assert path.name == "a-b.html"
    assert out.startswith("a-b.html\n")
    code_, out, _ = run(
        monkeypatch, capsys, "report", "a/b: ..", "--store", "s.db", "--out", "other.html", "--base-error", "0.05", "--json"
    )
    assert json.loads(out) == {"study": "a/b: ..", "report": "other.html", "bytes": (tmp_path / "other.html").stat().st_size}
    assert "the base error 5\N{NO-BREAK SPACE}%" in (tmp_path / "other.html").read_text(encoding="utf-8")
    code_, out, err = run(monkeypatch, capsys, "report", "--store", "s.db", "--out", "none/r.html")
    assert (code_, out) == (2, "")
    assert err.startswith("osetra: a report needs a file that can be written")


def test_text_is_escaped_unless_it_is_markup():
    assert tag("p", HOSTILE, join("<", Markup("<i></i>")), title='"<') == (
        f'<p title="&quot;&lt;">{tag("i", HOSTILE)[3:-4]}&lt;<i></i></p>'
    )
    assert "<script" not in tag("p", HOSTILE)
    assert tag("p", "a\x00b\u202ec") == "<p>a\ufffdb\ufffdc</p>"
    assert data_element("x", {"</script>": "<!--&"}) == (
        '<script type="application/json" id="x">{"\\u003c/script\\u003e":"\\u003c!--\\u0026"}</script>'
    )
    assert code("a --b<c") == '<pre tabindex="0"><code>a <span class="option">--b</span>&lt;c</code></pre>'


def test_columns_of_numbers_are_told_from_text_at_once():
    hostile = " ".join(["1"] * 5_000) + " x"
    made_table = table("caption", ["a", "b", "c", ""], [["1,234", "no", "5.33 %", hostile], ["-", "1", "4.2 to 6.75 %", "3 min 20 s"]])
    assert '<th class="number" scope="col">a</th>' in made_table
    assert '<th scope="col">b</th>' in made_table
    assert '<td class="number">4.2 to 6.75\N{NO-BREAK SPACE}%</td>' in made_table
    assert '<td class="long">3 min 20 s</td>' in made_table
    assert "<th></th>" not in made_table

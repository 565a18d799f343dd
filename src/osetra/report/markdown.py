"""A study as one page of Markdown: verdict first, then leaderboard, curves, data and how to repeat it.

Knows nothing of: stores, terminals.
"""

from collections.abc import Mapping, Sequence

from osetra.core.records import EpochRecord, Study, Trial
from osetra.report import words
from osetra.report.parts import shift_sentences, weighing_sentences

COLUMNS = 6


def study_page(study: Study, leaders: Sequence[Trial], curves: Mapping[int, Sequence[EpochRecord]]) -> str:
    """The page. `leaders`: trials, best first; `curves`: by trial number, drawn where given."""
    facts, error_name = study.facts, study.error_name
    lines = [f"# {study.name}: {study.task.in_words} of {study.target}", ""]
    if facts.get("dev"):
        lines.append(f"- dev {error_name}: {words.interval(facts['dev'], error_name)}")
        test = facts.get("test")
        lines.append(f"- test {error_name}: {words.interval(test, error_name)}, measured once" if test else "- no test part was kept")
        lines.append(f"- {facts['trials']:,} trials, {facts['epochs']:,} epochs in {words.duration(facts['seconds'])}; {facts['ended']}")
    lines += [f"- {sentence}" for sentence in (facts.get("divergence"), facts.get("split", {}).get("rule")) if sentence]
    lines += [f"- {sentence}" for sentence in (*shift_sentences(facts.get("shift")), *weighing_sentences(facts))]
    lines += [f"- {note}" for note in facts.get("notes", ())]
    if leaders:
        best = leaders[0]
        lines += ["", f"## Best: trial {best.number}", ""]
        lines += _table(["hyperparameter", "value"], [[name, words.value(best.configuration[name])] for name in sorted(best.configuration)])
        lines += ["", "## Leaderboard", ""]
        names = words.varying(leaders)[:COLUMNS]
        rows = [
            [str(t.number), words.error(t.dev_error, error_name), words.error(t.train_error, error_name), str(t.epochs)]
            + [words.value(t.configuration.get(name, "-")) for name in names]
            for t in leaders
        ]
        lines += _table(["trial", f"dev {error_name}", "train", "epochs", *(name.replace("_", " ") for name in names)], rows)
    if curves:
        lines += ["", f"## Curves of dev {error_name}", "", "```"]
        for number, curve in curves.items():
            values = [record.dev_error for record in curve]
            lines.append(f"trial {number:>4}  {words.sparkline(values)}  {words.error(min(values), error_name)}")
        lines.append("```")
    place = facts.get("environment", {})
    if place:
        versions = ", ".join(f"{name} {version}" for name, version in place["versions"].items())
        where = f"Data {study.source}, seed {study.seed}; Python {place['python']}, {versions}; {place['processor']}."
        lines += ["", "## To repeat it", "", where]
    return "\n".join(lines) + "\n"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in ([*headings], ["---"] * len(headings), *escaped)]

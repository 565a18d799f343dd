"""Tables and lists of a report, from records.

Knows nothing of: figures, where on the page they stand.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from osetra.core.records import Event
from osetra.report import repeating as again
from osetra.report import told, words
from osetra.report.gathered import Gathered, searched
from osetra.report.lineage import STEERED
from osetra.report.lineage import told as lineage_told
from osetra.report.markup import Markup, code, details, facts_list, join, table, tag

MOST_LEADERS = 20
MOST_EVENTS = 40
MOST_NOTABLE = 10_000
"""Events beside `ROUTINE` that are counted."""
MOST_ACTIONS = 5
"""Said at once; the others are folded away."""
MOST_SETTINGS = 10
"""Hyperparameters that the leaderboard has columns for."""
ROUTINE = ("started", "promoted", "probe", "stopped", "finished")
"""Events that every trial has; they are counted in the figure and not listed."""


def leaders_table(of: Gathered) -> Markup:
    """The best trials, with the hyperparameters that differ among them."""
    leaders = [trial for trial in of.trials if trial.dev_error is not None][:MOST_LEADERS]
    if not leaders:
        return Markup()
    names = words.varying(leaders)[:MOST_SETTINGS]
    part = words.part("dev", of.error_name)
    has_train, has_epochs = any(trial.train_error is not None for trial in leaders), any(trial.epochs > 1 for trial in leaders)
    optional = [*(["train"] if has_train else []), *(["epochs"] if has_epochs else [])]
    headings = ["trial", part, *optional, "time", "state", *(name.replace("_", " ") for name in names)]
    dev, train = ([words.error(getattr(trial, name), of.error_name) for trial in leaders] for name in ("dev_error", "train_error"))
    rows = [
        [
            str(trial.number), dev[place], *([train[place]] if has_train else []),
            *([f"{trial.epochs:,}"] if has_epochs else []), words.duration(trial.seconds), str(trial.state),
            *(words.value(trial.configuration.get(name, "-"), figures=3) for name in names),
        ]
        for place, trial in enumerate(leaders)
    ]  # fmt: skip
    caption = f"The best {len(leaders)} of {words.counted(of.total, 'trial')}" if len(leaders) > 1 else "The best trial"
    by_error = min if not of.maximize else max
    if leaders[0].dev_error != by_error(trial.dev_error for trial in leaders if trial.dev_error is not None):
        caption += "; the first was chosen by finals with fresh seeds"
    made = table(caption, headings, rows)
    best = of.best
    if best is None:
        return made
    shown = words.configuration_lines(searched(best.configuration, of.space))
    everything = words.configuration_lines(best.configuration)
    more = details("its whole configuration", code("\n".join(everything))) if len(everything) > len(shown) else None
    return join(made, tag("p", f"The best, trial {best.number}, has"), code("\n".join(shown)), more)


def gaps_table(judged: Mapping[str, Any]) -> Markup:
    """Errors and the gaps between them, with intervals and what each is called."""
    name = judged["error_name"]
    rows = [(part, one["value"], one["low"], one["high"], words.counted(one["rows"], "row")) for part, one in judged["errors"].items()]
    rows += [(gap["name"], gap["value"], gap["low"], gap["high"], gap["reading"]) for gap in judged["gaps"]]
    values = words.errors([number for _, *numbers, _ in rows for number in numbers], name)
    cells = [
        [row[0], values[3 * place], f"{values[3 * place + 1].removesuffix(' %')} to {values[3 * place + 2]}", row[4]]
        for place, row in enumerate(rows)
    ]  # fmt: skip
    made = table("Errors, and the gaps between them", ["", name, "95 % interval", ""], cells)
    return join(made, [tag("p", note) for note in judged.get("notes", ())])


def action_list(of: Gathered) -> Markup:
    """What to do, in order, each with its evidence and the command that carries it out."""
    listed = told.actions(of)
    if not listed:
        other = "" if of.is_objective else ", or a larger dev part to tell smaller gaps,"
        return tag("p", f"Nothing stands out: more trials{other} may find more.")
    items = []
    for action in listed:
        told_of = [_sentence(str(action[name])) for name in ("evidence", "effect", "cost") if action.get(name)]
        command = command_of(of, action)
        items.append(
            tag(
                "li",
                tag("strong", _sentence(action["name"])),
                " ",
                _sentence(action["sentence"]),
                " ",
                tag("span", " ".join(told_of), class_="quiet"),
                details("the command", code(command)) if command else None,
            )
        )
    rest = items[MOST_ACTIONS:]
    more = details(f"{len(rest)} more, less urgent", tag("ol", rest, start=MOST_ACTIONS + 1)) if rest else None
    shown = join(tag("ol", items[:MOST_ACTIONS]), more)
    if not any(command_of(of, action) for action in listed):
        return shown
    by_hand = "A command repeats the study's own with the action's options; edits of the space that the study had go along by hand (--set)."
    apply = tag("code", f"osetra diagnose {shlex.quote(of.study.name)} --apply")
    return join(shown, tag("p", by_hand, " Or have osetra run the next search from the verdict: ", apply, class_="quiet"))


def command_of(of: Gathered, action: Mapping[str, Any]) -> str:
    """What to type for an action; empty where options of `fit` do not carry it out, as in a study of an objective."""
    options = "" if of.is_objective else words.action_options(action)
    return (again.command(of.study, more=options) or f"osetra fit ... {options}") if options else ""


def findings_list(noticed: Sequence[tuple[str, Mapping[str, Any]]], shown: Collection[str]) -> Markup:
    """What was noticed, with how sure it is, what helps and the figure that shows it; what is alike but for its numbers is said once.

    shown: the sections that there are, so that no link leads nowhere.
    """
    groups: dict[tuple[Any, ...], list[str]] = {}
    for where, one in noticed:
        shared = (where, one["name"], one.get("certainty") or "", one["remedy"], one.get("figure") or "")
        groups.setdefault(shared, []).append(_sentence(one["sentence"]))
    items = []
    for (where, name, sure, remedy, figure), sentences in groups.items():
        said: Markup | str = sentences[0] if len(sentences) == 1 else tag("ul", [tag("li", sentence) for sentence in sentences])
        link = join(" ", tag("a", "See the figure", href=f"#{figure}"), ".") if figure in shown else None
        certain = f" How sure: {_sentence(sure.removeprefix('sure: '), is_start=False)}" if sure else None
        rest = join(certain, " What helps: ", _sentence(remedy, is_start=False), link)
        items.append(
            tag("li", tag("strong", f"{name[:1].upper()}{name[1:]}"), tag("span", f" ({where})", class_="quiet"), ". ", said, rest)
        )
    return tag("ul", items)


def worst_table(worst: Sequence[Mapping[str, Any]]) -> Markup:
    """The dev rows that the network got most wrong, with their features."""
    features = list(dict.fromkeys(name for one in worst for name in one.get("features") or {}))
    is_sure = any(one.get("confidence") is not None for one in worst)
    has_targets = len({one.get("target") for one in worst}) > 1
    headings = ["row", *(["target"] if has_targets else []), "actual", "predicted", "sure to" if is_sure else "off by", *features]
    rows = []
    for one in worst:
        how = one.get("confidence") if is_sure else one.get("residual")
        far = "-" if how is None else f"{100 * how:.1f} %" if is_sure else words.error(how, "")
        of_row = [_value((one.get("features") or {}).get(name)) for name in features]
        rows.append(
            [
                f"{one['row']:,}",
                *([str(one.get("target"))] if has_targets else []),
                _value(one["actual"]),
                _value(one["predicted"]),
                far,
                *of_row,
            ]
        )
    what = "was surest of a wrong class" if is_sure else "was farthest off"
    return table(f"The dev rows of which the network {what}; rows count from 0, those that could not be used left out", headings, rows)


def events_table(given: Sequence[Event], *, error_name: str) -> Markup:
    """What not every trial goes through, such as divergence, the last of them. Of more than `MOST_NOTABLE` given no more are counted."""
    notable = [event for event in given if event.kind not in ROUTINE]
    if not notable:
        return Markup()
    rows = []
    for event in notable[-MOST_EVENTS:]:
        trial, epoch = ("-" if number is None else str(number) for number in (event.trial, event.epoch))
        # A traceback is long; its last line says what went wrong.
        is_told = event.kind in (*STEERED, "taken in hand")
        said = lineage_told(event, error_name) if is_told else None
        said = said or "; ".join(f"{name} {_value(_last_line(value))}" for name, value in event.detail.items())
        rows.append([event.at.strftime("%Y-%m-%d %H:%M:%S"), trial, epoch, event.kind, said, event.who])
    of = f"more than {MOST_NOTABLE:,}" if len(notable) > MOST_NOTABLE else f"{len(notable):,}"
    left = f", the last {len(rows)} of {of}" if len(rows) < len(notable) else ""
    return table(f"Events beside starts, promotions and ends{left}", ["time (UTC)", "trial", "epoch", "event", "detail", "who"], rows)


def repeating(of: Gathered) -> Markup:
    """Command or call, versions, hardware, fingerprint of the data, the space."""
    study, facts = of.study, of.facts
    command = again.command(study)
    parts: list[Any] = []
    if command:
        parts += [tag("p", "The study's own command:"), code(command)]
        if of.space is not None:
            spelled = again.command(study, more=again.space_options(of.space))
            parts.append(
                details("the same with the whole space spelled out, for other versions and after edits of the space", code(spelled or ""))
            )
        parts.append(details("the same in Python", code(again.call(study, of.space))))
    else:
        parts += [
            tag("p", "The call that made it; data and objective come from the program that made it:"),
            code(again.call(study, of.space)),
        ]
    exact = "A budget in trials or epochs has one result on any number of cores; a budget in time depends on the machine."
    parts.append(tag("p", exact))
    place, known = facts.get("environment") or {}, facts.get("fingerprint") or {}
    versions = ", ".join(f"{name} {version}" for name, version in (place.get("versions") or {}).items())
    parts.append(
        facts_list(
            {
                "Study": study.name,
                "Data" if not of.is_objective else "Objective": study.source,
                "Rows": f"{known['rows']:,}" if "rows" in known else None,
                "Fingerprint of the data": f"sha256 {known['sha256']}" if "sha256" in known else None,
                "Split": (facts.get("split") or {}).get("rule"),
                "Seed": str(study.seed),
                "Python": place.get("python"),
                "Versions": versions or None,
                "Machine": f"{place['processor']}, {place['platform']}, {words.counted(place['workers'], 'trial')} at a time"
                if place
                else None,
                "Model": facts.get("model"),
                "Begun": study.created.isoformat(sep=" ", timespec="seconds"),
                "Ended": study.finished.isoformat(sep=" ", timespec="seconds") if study.finished else None,
            }
        )
    )
    if of.space is not None:
        parts.append(details("The space that was searched", code(of.space.describe())))
    return join(parts)


def _last_line(value: Any) -> Any:
    return value.strip().rsplit("\n", 1)[-1] if isinstance(value, str) else value


def _value(value: Any) -> str:
    return "-" if value is None else words.error(value, "") if isinstance(value, float) else str(value)


def _sentence(text: str, *, is_start: bool = True) -> str:
    return f"{text[:1].upper() if is_start else text[:1]}{text[1:].rstrip('. ')}."

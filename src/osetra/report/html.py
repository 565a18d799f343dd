"""A study as one page of HTML that needs nothing but itself: verdict first, then figures, tables and how to repeat it.

It opens offline: the figure library is within, once, and a content security policy forbids the page to load or send anything. Its size
does not follow the study's: of many trials some are drawn, and said to be.

Knows nothing of: stores, how records are gathered.
"""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import groupby
from typing import Any

from osetra.report import told
from osetra.report.figures.theme import height_of, template, text_of, title_of
from osetra.report.gathered import Gathered
from osetra.report.markup import Markup, code, data_element, join, raw_element, tag
from osetra.report.records import command_of
from osetra.report.sections import Section, sections

DIGITS = 6
"""Significant digits of the numbers that figures are drawn from."""


def report_page(of: Gathered) -> str:
    """The page, from `<!doctype html>` on."""
    parts = sections(of)
    library, style, program = _library(), _file("report.css"), _file("report.js")
    title = f"{of.study.name}: {of.study.task.in_words} of {of.study.target}"
    data = {"templates": {"light": template(), "dark": template(dark=True)}, "figures": _figures(parts)}
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(library, program)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content="osetra"),
        tag("title", title),
        raw_element("style", style),
    )
    body = tag(
        "body",
        tag("a", "To the report", class_="skip", href="#report"),
        _header(of),
        tag("div", _contents(parts), tag("main", _verdict(of), _groups(parts), id="report", tabindex="-1"), class_="columns"),
        tag("footer", tag("p", f"Made by osetra{_version(of)}. This file is complete: it loads nothing and sends nothing.")),
        data_element("figure-data", data),
        raw_element("script", library),
        raw_element("script", program),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(of: Gathered) -> Markup:
    study = of.study
    state = f"{of.state} {(study.finished or of.broke_off or study.created).strftime('%Y-%m-%d')}"
    return tag(
        "header",
        tag("div", tag("h1", study.name), tag("p", f"{study.task.in_words} of {study.target}, {state}", class_="quiet")),
        tag("button", "Dark", id="theme", type="button", hidden=True),
    )


def _verdict(of: Gathered) -> Markup:
    numbers = [
        tag("div", tag("dt", one.label), tag("dd", tag("span", one.value, class_="main"), tag("span", one.note, class_="quiet")))
        for one in told.numbers(of)
    ]
    first = told.first_action(of)
    to_do = None
    if first is not None:
        command = command_of(of, first)
        what = f"{first['name'][:1].upper()}{first['name'][1:]}. {first['sentence'].rstrip('. ')}."
        to_do = join(tag("p", tag("strong", "Next: "), what), code(command) if command else None)
    return tag(
        "section",
        tag("h2", "Verdict", id="verdict-title"),
        tag("p", told.verdict(of), class_="verdict"),
        tag("dl", numbers, class_="numbers"),
        to_do,
        id="verdict",
        aria_labelledby="verdict-title",
    )


def _contents(parts: Sequence[Section]) -> Markup:
    groups = []
    for group, of_group in groupby(parts, key=lambda part: part.group):
        links = [tag("li", tag("a", part.title, href=f"#{part.name}")) for part in of_group]
        groups.append(tag("li", tag("a", group, href=f"#{_id(group)}"), tag("ul", links)))
    return tag("nav", tag("details", tag("summary", "Contents"), tag("ul", groups), open=True), aria_label="Contents")


def _groups(parts: Sequence[Section]) -> list[Markup]:
    made = []
    for group, of_group in groupby(parts, key=lambda part: part.group):
        # The verdict has its heading already.
        heading = tag("h2", group, id=_id(group)) if group != "Verdict" else None
        made.append(join(heading, tag("div", [_section(part, is_wide) for part, is_wide in _widths(list(of_group))], class_="grid")))
    return made


def _widths(parts: Sequence[Section]) -> list[tuple[Section, bool]]:
    """Which take the whole width: those that ask for it, and one that would have nothing beside it."""
    made: list[tuple[Section, bool]] = []
    for is_wide, run in groupby(parts, key=lambda part: part.is_wide):
        narrow = list(run)
        made += [(part, is_wide or (len(narrow) % 2 == 1 and part is narrow[-1])) for part in narrow]
    return made


def _section(part: Section, is_wide: bool) -> Markup:
    title = f"{part.name}-title"
    many = len(part.figures) > 1
    drawn: list[Markup] = []
    for place, figure in enumerate(part.figures):
        name, text = f"{part.name}-{place}", text_of(figure)
        plot = tag(
            "div", class_="plot", id=f"figure-{name}", style=f"height:{height_of(figure)}px", role="img", aria_label=title_of(figure),
            aria_describedby=f"text-{name}",
        )  # fmt: skip
        drawn.append(tag("figure", plot, tag("figcaption", text, id=f"text-{name}")))
    figures = tag("div", drawn, class_="several") if many else join(drawn)
    inside = join(figures, part.after)
    if is_wide and len(part.figures) == 1 and part.after and part.is_beside:
        inside = tag("div", tag("div", figures), tag("div", part.after), class_="beside")
    wide = "card wide" if is_wide else "card"
    return tag("section", tag("h3", part.title, id=title), part.before, inside, id=part.name, class_=wide, aria_labelledby=title)


def _figures(parts: Sequence[Section]) -> dict[str, Any]:
    """By the id of the element that each is drawn in; without its template and words, which the page has already."""
    made = {}
    for part in parts:
        for place, figure in enumerate(part.figures):
            drawn = figure.to_plotly_json()
            layout = {name: entry for name, entry in drawn["layout"].items() if name not in ("template", "meta", "title")}
            made[f"figure-{part.name}-{place}"] = {"data": _short(drawn["data"]), "layout": _short(layout)}
    return made


def _short(entry: Any) -> Any:
    """What JSON can carry, numbers to as many digits as a figure shows."""
    if isinstance(entry, Mapping):
        return {str(name): _short(one) for name, one in entry.items()}
    if isinstance(entry, list | tuple):
        return [_short(one) for one in entry]
    if hasattr(entry, "tolist"):
        return _short(entry.tolist())
    if isinstance(entry, float):
        return float(f"{entry:.{DIGITS}g}") if math.isfinite(entry) else None
    return entry


def _policy(*scripts: str) -> str:
    """Only the page's own two scripts run, known by their digests; nothing is fetched. Plotly sets styles itself."""
    allowed = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def _library() -> str:
    """Plotly's own script, as it comes with the package."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs().replace("\r\n", "\n")


def _file(name: str) -> str:
    return resources.files("osetra.report").joinpath("page", name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _version(of: Gathered) -> str:
    known = ((of.facts.get("environment") or {}).get("versions") or {}).get("osetra")
    return f" from a study of version {known}" if known else ""


def _id(group: str) -> str:
    return "verdict" if group == "Verdict" else group.lower().replace(" ", "-")

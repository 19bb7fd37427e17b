"""The reference of actions in the mapping README, written from the registry.

python -m daemon.mapping.reference      writes it between its two marks
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import daemon.mapping
from daemon.mapping.actions import ACTIONS
from daemon.mapping.declarations.action import Action, Preset
from daemon.mapping.declarations.field import Field
from daemon.mapping.registry.defaults import default_blocks, sets
from daemon.mapping.registry.differences import KEPT, MENDED, Difference

BEGIN = "<!-- reference: written by python -m daemon.mapping.reference -->"
END = "<!-- reference: end -->"
_README = Path(str(daemon.mapping.__file__)).parent / "README.md"


def main() -> None:
    """Write the reference into the README."""
    text = _README.read_text(encoding="utf-8")
    _README.write_text(placed(text), encoding="utf-8")


def placed(text: str) -> str:
    """A page with the reference between its marks, in place of what stood there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def reference() -> str:
    """The whole section, in Markdown."""
    parts = [_INTRODUCTION, *(_action(action) for action in ACTIONS.values()), _sets()]
    parts += [_differences()]
    return "\n".join(parts)


_INTRODUCTION = """\
### Every action

All actions there are, with their fields, as `segue mapping eval`, `check`, `test` and `schema`
know them; `segue serve` delivers those under "Actions" above. *state* is converged by difference,
*event* acts on its message.

A field is written under `fields:`; where no mapping is given, its default is used. What a message
has for a field is fitted to the field's type (text that is a number becomes one, a number becomes
text, one value a list of it). What can't be fitted is left out and reported, or fails the message
if the field is required. The identifiers are the profile's; blocks don't map them.
"""


def _action(action: Action) -> str:
    lines = [f"#### {action.name}", "", f"{action.about} *{action.kind}*", ""]
    for route in action.routes:
        many = f", many by `{route.bulk}`" if route.bulk not in ("", route.path) else ""
        lines.append(f"- `{route.method} {route.path}`{many} ({route.source})")
    lines += ["", *_table(("key", "value", ""), _keys(action)), ""]
    lines += [*_table(("field", "type", "", "source"), _fields(action.fields)), ""]
    if action.presets:
        lines += [*_table(("preset", "", "sets", "source"), _presets(action)), ""]
    return "\n".join(lines)


def _keys(action: Action) -> Iterator[Sequence[str]]:
    alternatives = {name: group for group in action.one_of for name in group}
    for key in action.keys:
        need = " Required." if key.required else ""
        if key.name in alternatives:
            others = [f"`{name}`" for name in alternatives[key.name] if name != key.name]
            need = f" Required, or {' or '.join(others)}."
        yield f"`{key.name}`", key.shape.words, key.about + need


def _fields(fields: Iterable[Field], of: str = "") -> Iterator[Sequence[str]]:
    for field in fields:
        yield _field(field, of)
        yield from _fields(field.of, f"{field.name}[].")


def _field(field: Field, of: str) -> Sequence[str]:
    name = f"`{of}{field.name}`"
    if field.also:
        name = f'`"{field.also}"` or {name}'
    notes = [field.about]
    if field.required:
        notes.append("Required.")
    if field.most is not None:
        notes.append(f"At most {field.most} {_unit(field)}.")
    if field.nullable:
        notes.append("Null removes it.")
    if field.default is not None:
        notes.append(f"Default: {_mapping(field.default)}.")
    return name, str(field.type), " ".join(notes), field.source


def _unit(field: Field) -> str:
    if field.type.startswith("list"):
        return "elements"
    return "bytes" if field.type == "text" else "characters"


def _presets(action: Action) -> Iterator[Sequence[str]]:
    first = action.presets[0]
    for preset in action.presets:
        said = list(_said(action, preset, {} if preset is first else first.fields))
        if preset is not first and first.fields.items() <= preset.fields.items():
            said.insert(0, f"as `{first.name}`")
        slug = f" Segment's event: `{preset.slug}`." if preset.slug else ""
        yield f"`{preset.name}`", preset.about + slug, ", ".join(said), preset.source


def _said(action: Action, preset: Preset, known: Mapping[str, object]) -> Iterator[str]:
    """What a preset sets, less what is `known` if all of that is the same."""
    same = known.items() <= preset.fields.items()
    for name, mapping in preset.fields.items():
        field = action.field(name)
        if not (same and name in known):
            short = field.also if field is not None and field.also else name
            yield f"`{short}` {_mapping(mapping)}"
    for name, value in preset.keys.items():
        yield f"`{name}: {', '.join(value) if isinstance(value, list) else value}`"


def _mapping(mapping: object) -> str:
    """Where a value comes from, briefly."""
    paths = list(dict.fromkeys(_paths(mapping)))
    if paths:
        return " else ".join(f"`{path}`" for path in paths)
    return f"`{str(mapping).lower() if isinstance(mapping, bool) else mapping}`"


def _paths(mapping: object) -> Iterator[str]:
    if isinstance(mapping, list):
        for item in mapping:
            yield from [item] if isinstance(item, str) else []
    if not isinstance(mapping, dict):
        return
    for name, value in mapping.items():
        if name in ("@path", "@template") and isinstance(value, str):
            yield value
        else:
            yield from _paths(value)


def _sets() -> str:
    lines = [
        "### Sets of mappings",
        "",
        "Blocks that together do what a destination of Segment's does; those that are off are",
        "there to be written.",
        "",
    ]
    rows = []
    for of in sets():
        on = [block["name"] for block in default_blocks(of)]
        for block in default_blocks(of, everything=True):
            state = "" if block["name"] in on else "off"
            what = f"`{block['action']}`, `{block['preset']}`"
            rows.append((f"`{of}`", block["name"], state, f"`{block['subscribe']}`", what))
    lines += _table(("set", "block", "", "subscribe", "action and preset"), rows)
    return "\n".join([*lines, ""])


def _differences() -> str:
    lines = ["### What differs from Segment's destinations", ""]
    columns = ("Segment's", "here", "source")
    lines += _table(columns, map(_difference, MENDED))
    lines += ["", "And what is as there, though one might wonder:", ""]
    return "\n".join([*lines, *_table(columns, map(_difference, KEPT)), ""])


def _difference(one: Difference) -> Sequence[str]:
    return one.there, one.here, one.source


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(columns)
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield _line(row)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()

"""The actions, one file each. A file here that declares `ACTION` is an action of Segue's.

`ACTIONS` holds them by name, those that keep state before those that act on events.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from daemon.mapping.declarations.action import Action, Kind


def _declared() -> Iterator[Action]:
    for module in iter_modules(__path__):
        yield import_module(f"{__name__}.{module.name}").ACTION


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in sorted(_declared(), key=lambda each: (each.kind is Kind.EVENT, each.name))
}

"""`@liquid`: python-liquid, shut in (segment.md §11.3).

Tags that loop or load are not there at all, filters are our own (`liquid_filters`): pure, bounded,
and in JavaScript's manner where the original's shows. There is no clock: `now` is a name like any
other. What a template makes, in the end or on the way, is bounded in size, its blocks in depth.
"""

from io import StringIO
from typing import Any, Final, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin import content, illegal, output
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    comment_tag,
    decrement_tag,
    echo_tag,
    if_tag,
    increment_tag,
    inline_comment_tag,
    liquid_tag,
    unless_tag,
)
from liquid.exceptions import LiquidError
from liquid.output import LimitedStringIO
from liquid.utils import ReadOnlyChainMap

from daemon.mapping.directives.bounds import LIQUID_LENGTH, TEXT_LENGTH
from daemon.mapping.directives.dates import ZoneUnknown
from daemon.mapping.directives.errors import MappingFailed
from daemon.mapping.directives.javascript import units
from daemon.mapping.directives.liquid_filters import DISABLED, FILTERS
from daemon.mapping.directives.liquid_values import NoClock, member, printed
from daemon.mapping.directives.nodes import At, Node, bounded, described
from daemon.mapping.directives.reader import Reader
from daemon.mapping.paths import MISSING

_BEYOND_LIQUID: Final = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError)
"""What python-liquid lets through from its own operators, beside its own errors."""
_TAGS: Final = (
    content.Literal,
    illegal.Illegal,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    assign_tag.AssignTag,
    capture_tag.CaptureTag,
    comment_tag.CommentTag,
    inline_comment_tag.InlineCommentTag,
    increment_tag.IncrementTag,
    decrement_tag.DecrementTag,
    liquid_tag.LiquidTag,
)


class _OutputNode(output.OutputNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(printed(self.expression.evaluate(context)))


class _EchoNode(echo_tag.EchoNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(printed(self.expression.evaluate(context)))


class _Output(output.Output):
    node_class = _OutputNode


class _Echo(echo_tag.EchoTag):
    node_class = _EchoNode


class _Environment(Environment):
    """Segment's tags, our filters."""

    shorthand_indexes = True
    suppress_blank_control_flow_blocks = False
    logical_not_operator = True
    local_namespace_limit = 16 * TEXT_LENGTH

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        _ = extra
        for tag in (*_TAGS, _Output, _Echo):
            self.add_tag(tag)
        self.filters.update(FILTERS)


class _Context(RenderContext):
    """What a template sees: the event, and what it has assigned; no `now` and no `today`."""

    def __init__(self, template: BoundTemplate, event: dict[str, Any]) -> None:
        super().__init__(template, globals=event)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def get_item(self, obj: Any, key: Any) -> Any:
        found = member(obj, key)
        if found is MISSING:
            raise KeyError
        return found

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        _ = buf
        return LimitedStringIO(TEXT_LENGTH, newline="")


_ENVIRONMENT: Final = _Environment()


def liquid(reader: Reader, argument: Any, at: At) -> Node:
    if not isinstance(argument, str):
        return reader.wrong(at, f"must be text, not {described(argument)}")
    if units(argument) > LIQUID_LENGTH:
        return reader.wrong(at, f"must have at most {LIQUID_LENGTH} characters")
    try:
        template = _ENVIRONMENT.from_string(argument)
        analysis = template.analyze(include_partials=False)
    except (LiquidError, *_BEYOND_LIQUID) as error:
        return reader.wrong(at, f"must be Liquid: {_first_line(error)}")
    for name in sorted(set(analysis.filters) - set(FILTERS)):
        why = "is turned off, as in Segment" if name in DISABLED else "is no filter there is"
        reader.wrong(at, f"must do without `{name}`: it {why}")
    reads = frozenset(
        _path(variable.segments) for found in analysis.globals.values() for variable in found
    )
    return Node(bounded(_renderer(template, at), at.place), reads)


def _path(segments: list[Any]) -> str:
    """The part of a variable's path that is known beforehand."""
    names = []
    for segment in segments:
        if not isinstance(segment, str | int):
            break
        names.append(str(segment))
    return ".".join(names)


def _renderer(template: BoundTemplate, at: At) -> Any:
    def render(root: Any) -> str:
        event = root if isinstance(root, dict) else {}
        if at.root_gaps:
            event = {name: value for name, value in event.items() if value is not MISSING}
        context = _Context(template, event)
        buffer = context.get_buffer()
        try:
            for node in template.nodes:
                node.render(context, buffer)
        except NoClock:
            raise MappingFailed(at.place, "there is no clock in a mapping, so no `now`") from None
        except ZoneUnknown:
            raise MappingFailed(at.place, "there is no time zone of that name") from None
        except (LiquidError, *_BEYOND_LIQUID) as error:
            raise MappingFailed(at.place, f"Liquid gave up: {type(error).__name__}") from None
        return buffer.getvalue()

    return render


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Segment's mapping language, compiled: see README.md."""

from daemon.mapping.directives.errors import MappingFailed, MappingInvalid
from daemon.mapping.directives.language import Compiled, compile_field, compile_mapping

__all__ = ["Compiled", "MappingFailed", "MappingInvalid", "compile_field", "compile_mapping"]

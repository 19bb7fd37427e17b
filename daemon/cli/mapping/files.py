"""Files with mappings: a whole configuration, or a file of blocks alone."""

from pathlib import Path
from typing import Any

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.settings import Document, read_document


def document_of(file: Path) -> Document:
    """A YAML file's data. Raises ConfigurationError."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{file}: there is no such file") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8 text") from None
    return read_document(text, str(file))


def mappings_in(document: Document) -> list[Any]:
    """The blocks of a configuration, or of a file that holds nothing else; may be none."""
    value = document.value
    blocks = value.get("mappings", []) if isinstance(value, dict) else value
    if not isinstance(blocks, list):
        raise ConfigurationError(f"{document.name}: mappings: must be a list of blocks")
    return blocks


def project_in(document: Document) -> ProjectType | None:
    """The project's type a configuration names, if it does."""
    value = document.value
    project = value.get("project") if isinstance(value, dict) else None
    said = project.get("type") if isinstance(project, dict) else project
    return ProjectType(said) if said in list(ProjectType) else None

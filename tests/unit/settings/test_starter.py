import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from daemon.domain.identity import ProjectType
from daemon.settings import Settings, load_settings, starter_yaml

NOT_AT_DEFAULT = {"blocked_ids", "limits", "url", "socket", "base_url"}


def load(folder: Path, text: str) -> Settings:
    file = folder / "segue.yaml"
    file.write_text(text)
    return load_settings(
        file,
        {
            "HOME": "/h",
            "SEGUE_ITERABLE__API_KEY": "k",
            "SEGUE_SOURCES__WEB__WRITE_KEY": "k",
            "SEGUE_SEGMENT__PROFILE_API__TOKEN": "t",
            "SEGUE_SEGMENT__PROFILE_API__SPACE_ID": "s",
        },
    )


@pytest.mark.parametrize("name", ["shop-eu", 'a "quoted" \\ name', "yes: # no"])
@pytest.mark.parametrize("project_type", list(ProjectType))
@pytest.mark.parametrize("data_center", ["US", "EU"])
def test_it_loads_as_it_stands(
    tmp_path: Path, name: str, project_type: ProjectType, data_center: str
) -> None:
    text = starter_yaml(name=name, project_type=project_type, data_center=data_center)
    settings = load(tmp_path, text)
    assert (settings.project.name, settings.project.type) == (name, project_type)
    assert settings.iterable.data_center == data_center
    assert settings.missing_credentials() == []
    assert [mapping["name"] for mapping in settings.mappings] == [
        "profiles",
        "product events",
        "churn risk list",
        "opt-outs",
    ]


def test_its_commented_lines_show_the_real_defaults(tmp_path: Path) -> None:
    shown = dict(
        re.findall(r"^  +(?:# )+(\w+): ([^#\n]*?) *(?:#.*)?$", starter_yaml(), re.MULTILINE)
    )
    real = load(tmp_path, starter_yaml()).model_dump(mode="json")
    known = {
        field: value
        for group in real.values()
        if isinstance(group, dict)
        for field, value in group.items()
    }
    compared = 0
    for field, text in shown.items():
        if text and field in known and field not in NOT_AT_DEFAULT:
            compared += 1
            assert text == str(known[field]).lower().removesuffix(".0"), field
    assert compared >= 30


def test_it_names_every_setting_with_a_comment() -> None:
    lines = starter_yaml().splitlines()

    def check(model: type[BaseModel]) -> None:
        for field in model.model_fields:
            secret = field in {"api_key", "webhook_secret", "write_key", "token"}
            name = field + ("_file" if secret else "")
            assert any(re.match(rf"^[ #-]*{name}:.*#? ", line + " ") for line in lines), name

    for about in Settings.model_fields.values():
        kind = about.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            check(kind)


def test_uncommented_it_still_loads(tmp_path: Path) -> None:
    """Someone who takes the `# ` away from a line that shows a default changes nothing."""
    text = re.sub(r"(?m)^  # (\w+: [^\s#])", r"  \1", starter_yaml())
    text = re.sub(r"(?m)^  (limits|blocked_ids|socket|url)(:.*)$", r"  # \1\2", text)
    ours, theirs = load(tmp_path, text), load(tmp_path, starter_yaml())
    assert ours.model_dump() == theirs.model_dump()

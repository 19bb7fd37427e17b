"""The package as people install it: a wheel, away from the checkout it was built from."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import daemon

CHECKOUT = Path(__file__).parents[2]
CONFIG = """
project: {name: wheel, type: hybrid}
iterable: {api_key: unused}
sources: {web: {write_key: unused}}
store: {url: "sqlite:///store.db"}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = folder.glob("segue-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(installed), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_segue_finds_its_migrations(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "segue.yaml").write_text(CONFIG)
    done = run(installed, tmp_path, "-m", "daemon", "migrate")
    assert done.returncode == 0, done.stderr
    where = run(installed, tmp_path, "-c", "import daemon; print(daemon.__file__)")
    assert where.stdout.strip() == str(installed / "daemon" / "__init__.py")
    assert (tmp_path / "store.db").exists()


def test_the_wheel_holds_the_package_and_its_licence_only(installed: Path) -> None:
    tops = {path.name.partition("-")[0] for path in installed.iterdir()}
    assert tops == {"daemon", "segue"}
    assert list(installed.glob("segue-*.dist-info/licenses/LICENSE"))


def test_the_package_called_daemon_is_ours() -> None:
    """PyPI's python-daemon has the same import name; nothing may bring it in."""
    assert daemon.__file__ is not None
    assert Path(daemon.__file__) == CHECKOUT / "daemon" / "__init__.py"

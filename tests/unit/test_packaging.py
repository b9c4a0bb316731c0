"""What is handed on: wheel and source archive with the licence, and an image that can be built from what it is given."""

import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
LICENCE = (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
def test_the_wheel_carries_its_licence(tmp_path):
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])

    with zipfile.ZipFile(wheel) as archive:
        files = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(files["METADATA"]).decode())

        assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
        assert archive.read(files["LICENSE"]) == LICENCE


@pytest.mark.slow
def test_the_source_archive_carries_its_licence(tmp_path):
    [source] = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])

    with tarfile.open(source) as archive:
        [name] = [name for name in archive.getnames() if name.count("/") == 1 and name.endswith("/LICENSE")]
        file = archive.extractfile(name)

        assert file is not None
        assert file.read() == LICENCE


def test_the_image_is_given_every_file_the_build_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = (ROOT / "Dockerfile").read_text().split()

    for file in (project["readme"], *project["license-files"]):
        assert f"!{file}" in ignored
        assert file in copied

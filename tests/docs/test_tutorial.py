"""The notebook tutorial runs from its first cell to its last, in a kernel of its own, as a reader's does."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
KERNEL_S = 100
"""Seconds that a cell may take on a busy machine; the whole notebook takes five on a free one."""


@pytest.fixture
def notebook():
    return nbformat.read(TUTORIAL, as_version=4)


@pytest.mark.slow
def test_every_cell_of_the_tutorial_runs(notebook, tmp_path):
    client = NotebookClient(
        notebook, timeout=KERNEL_S, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )

    client.execute()

    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pages = [output.data.get("text/html", "") for output in shown if "data" in output]
    assert any("<svg" in page for page in pages)
    assert any("alpha falls by" in output.get("text", "") for output in shown)


def test_the_tutorial_is_stored_without_outputs(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)

"""Reports drawn by another process."""

from __future__ import annotations

import pytest
from run_builders import small_run, summed

from econsim.errors import SetupError
from econsim.report.render_process import ReportProcess


@pytest.mark.slow
def test_a_report_is_drawn_by_another_process(tmp_path):
    artist = ReportProcess()
    artist.start()

    path = artist.write(summed(small_run()), tmp_path / "deep" / "report.html")

    assert "</html>" in path.read_text()


@pytest.mark.slow
def test_a_report_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    artist = ReportProcess()
    artist.start()

    with pytest.raises(SetupError, match="the run itself is complete"):
        artist.write(summed(small_run()), tmp_path / "file" / "report.html")

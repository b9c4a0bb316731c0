"""Figures as files: their size on paper, their colours, and what stands above them."""

from __future__ import annotations

import re

import pytest
from run_builders import small_run, summed

from econsim.report.figure_file import PictureLook, figure_csv, write_figure
from econsim.report.figures import figures
from econsim.report.picture_file import Theme

PNG_SIZE = slice(16, 24)
"""Bytes of a PNG with its width and height."""


@pytest.fixture(scope="module")
def figure():
    return next(each for each in figures(summed(small_run())) if each.name == "cpu_prices")


@pytest.fixture
def written(figure, tmp_path):
    """Write the figure as a file with this ending; return its bytes."""

    def write(ending, **look):
        path = tmp_path / f"figure{ending}"
        write_figure(figure, "a run", path, PictureLook(**look))
        return path.read_bytes()

    return write


def test_an_svg_is_as_wide_as_a_column_of_a_paper(written):
    width, height = re.search(
        rb'width="([\d.]+)mm" height="([\d.]+)mm"', written(".svg", width_mm=85, height_mm=60)
    ).groups()

    assert float(width) == pytest.approx(85, abs=0.3)
    assert float(height) == pytest.approx(60, abs=0.3)


def test_a_pdf_is_as_wide_as_a_column_of_a_paper(written):
    (box,) = re.findall(rb"/MediaBox ?\[([^]]*)\]", written(".pdf", width_mm=85))

    assert float(box.split()[2]) == pytest.approx(85 / 25.4 * 72, abs=1)


def test_a_png_has_three_hundred_dots_to_the_inch(written):
    width = int.from_bytes(written(".png", width_mm=85)[PNG_SIZE][:4])

    assert width == pytest.approx(85 / 25.4 * 300, abs=4)


@pytest.mark.parametrize("theme", Theme)
def test_no_colour_of_a_page_is_left_in_a_file(written, theme):
    assert b"var(" not in written(".svg", theme=theme)


def test_a_picture_says_what_it_is_of_unless_it_is_for_a_caption_of_its_own(written):
    assert b"a run" in written(".svg")
    assert b"a run" not in written(".svg", title=False)


def test_a_csv_is_the_data_of_the_figure(written, figure):
    assert written(".csv").decode() == figure_csv(figure.chart)


def test_another_ending_is_no_figure(written):
    with pytest.raises(ValueError, match="gif"):
        written(".gif")

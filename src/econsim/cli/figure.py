"""`econsim figure`: write one figure of a run's report as a file, for a paper or a slide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.nearest import name_suggestion
from econsim.cli.output import console, say
from econsim.cli.run_argument import RunOrFileArgument
from econsim.cli.run_summary import read_runs
from econsim.cli.unused_options import Given, UnusedOption, refuse_unused_options
from econsim.errors import NotFound, SetupError, quoted_value

if TYPE_CHECKING:
    from econsim.report.figure_file import PictureLook
    from econsim.report.markup import Figure
    from econsim.report.summary import Summary

SIZES_MM: Final = (40, 400)
"""Least and greatest width and height of a picture: a half column, and a poster's."""

_OF_PICTURES: Final = ("width", "height", "theme", "title")


def _is_no_picture(given: Given) -> bool:
    output = given["output"]
    return given["name"] is None or (output is not None and output.suffix.lower() == ".csv")


UNUSED_OPTIONS: Final = (
    UnusedOption("output", lambda given: given["name"] is None, "needs the name of a figure before it"),
    UnusedOption("as_json", lambda given: given["name"] is not None, "is for the list of figures"),
    *(
        UnusedOption(option, _is_no_picture, "is for pictures: --output FILE.svg, .png or .pdf")
        for option in _OF_PICTURES
    ),
)
"""Options of `econsim figure` without effect beside others."""


def _themes() -> list[str]:
    from econsim.report.picture_file import Theme

    return [theme.value for theme in Theme]


FIGURE_ENDINGS: Final = (".svg", ".png", ".pdf", ".csv")
"""Endings of the files that a figure can be written as."""


def figure_file(text: str | Path) -> Path:
    """Parse the place of a figure to write, whose ending names its form."""
    path = option_types.new_file(text)
    if path.suffix.lower() not in FIGURE_ENDINGS:
        message = (
            f"{quoted_value(str(text))} names no form of a figure; end it with {', '.join(FIGURE_ENDINGS)}"
        )
        raise typer.BadParameter(message)
    return path


FigureArgument = Annotated[
    str | None,
    typer.Argument(
        help="Name of the figure; without it, all names are listed.",
        metavar="FIGURE",
        parser=option_types.name,
    ),
]
"""Argument: name of the figure."""

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File to write: FILE.svg, .png, .pdf, or .csv for the data. Default: FIGURE.svg here",
        metavar="FILE",
        parser=figure_file,
    ),
]
"""Option: file to write."""

WidthOption = Annotated[
    int,
    typer.Option(
        help="Width of the picture, millimetres.", metavar="MM", parser=option_types.Whole(*SIZES_MM)
    ),
]
"""Option: width of the picture."""

HeightOption = Annotated[
    int | None,
    typer.Option(
        help="Height of the picture, millimetres. Default: what fits the figure",
        metavar="MM",
        parser=option_types.Whole(*SIZES_MM),
    ),
]
"""Option: height of the picture."""

ThemeOption = Annotated[
    str,
    typer.Option(
        "--theme",
        help="Colours of text and ground: light, dark or clear.",
        metavar="THEME",
        parser=option_types.OneOf("theme", _themes),
    ),
]
"""Option: colours of the picture."""

TitleOption = Annotated[bool, typer.Option("--title/--no-title", help="Put title and run above the picture.")]
"""Option: whether the picture has a title."""


def figure(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    run: RunOrFileArgument = "last",
    name: FigureArgument = None,
    *,
    output: FileOption = None,
    width: WidthOption = 160,
    height: HeightOption = None,
    theme: ThemeOption = "light",
    title: TitleOption = True,
    as_json: JsonOption = False,
) -> None:
    """Write one figure of a run's report as a picture for a paper, or its data as CSV.

    Example: [cyan]econsim figure last[/cyan] lists the names

    Example: [cyan]econsim figure last efficiency -o efficiency.pdf --width 85 --no-title[/cyan]

    Example: [cyan]econsim figure last cpu_prices -o prices.csv[/cyan]
    """
    refuse_unused_options(context, UNUSED_OPTIONS)
    (found,) = run_async(read_runs(settings_of(context), [run]))
    if name is None:
        _list(found.summary, as_json=as_json)
    else:
        from econsim.report.figure_file import PictureLook
        from econsim.report.picture_file import Theme

        look = PictureLook(width, height, Theme(theme), title)
        _write(found.summary, name, output or Path(f"{name}.svg"), look)
    found.log.check()


def _list(summary: Summary, *, as_json: bool) -> None:
    from rich.table import Table

    from econsim.report.figures import figures
    from econsim.report.tables import print_table

    if as_json:
        write_rows({"figure": each.name, "title": each.title} for each in figures(summary))
        return
    listed = Table(box=None, padding=(0, 2, 0, 0))
    listed.add_column("figure", no_wrap=True)
    listed.add_column("what it shows")
    for each in figures(summary):
        listed.add_row(each.name, each.title)
    print_table(console(), listed)


def _write(summary: Summary, name: str, path: Path, look: PictureLook) -> None:
    from econsim.report.figure_file import write_figure
    from econsim.report.html import origin

    try:
        write_figure(_figure_of(summary, name), origin(summary), path, look)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; choose another place with --output"
        raise SetupError(message) from error
    say("[bold]{path}[/bold]", path=path)


def _figure_of(summary: Summary, name: str) -> Figure:
    from econsim.report.figures import figures

    known = {each.name: each for each in figures(summary)}
    if name not in known:
        message = f"run {summary.run} has no figure {name!r}; {name_suggestion(name, known, 'figures')}"
        raise NotFound(message, code="figure_does_not_exist")
    return known[name]

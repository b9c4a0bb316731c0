"""The page of all tables. Catches: a column that the page does not have, money without its unit."""

from pathlib import Path

from econsim.report.table_definitions import CREDITS_TYPE, RUN_COLUMNS, TABLES, dictionary_page

PAGE = Path(__file__).parents[3] / "docs/reference/data.md"


def test_the_published_page_is_the_definitions():
    page = PAGE.read_text(encoding="utf-8")

    assert page == dictionary_page(), "econsim catalog --data --output docs/reference/data.md"


def test_every_table_begins_with_the_columns_that_tell_runs_apart():
    assert {table.columns[: len(RUN_COLUMNS)] for table in TABLES.values()} == {RUN_COLUMNS}


def test_exact_credits_stand_beside_micro_credits():
    for table in TABLES.values():
        for column in table.columns:
            if column.name.endswith("_credits"):
                assert column.kind == CREDITS_TYPE
                assert table.column(column.name.removesuffix("_credits")).kind == "BIGINT"

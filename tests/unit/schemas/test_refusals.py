"""The closed list of refusal codes: the source uses what is listed, the list has what is used, the page is the list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from source import ROOT, Module, module, package

from econsim.domain.admission.quota import QuotaKind
from econsim.schemas.ledger import Refusal
from econsim.schemas.refusals import refusal_codes, refusal_groups, refusals_page

SENTENCE = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")

# Texts in the place of a code that are none: results of the operators' commands, and what nobody sends.
NO_REFUSALS = frozenset({"done"})

# Modules with codes of another kind: faults that a verification finds, and what attacks expect.
ELSEWHERE = ("domain/verification/", "domain/ledger/verify", "checks/", "schemas/refusals", "evaluation/")


def constants(node: ast.AST | None, names: dict[str, str]) -> Iterator[str]:
    """Yield the codes an expression may have: texts and constants, of both arms of a condition."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) if name in names:
            yield names[name]
        case ast.IfExp(body=body, orelse=orelse):
            yield from constants(body, names)
            yield from constants(orelse, names)
        case ast.Tuple(elts=[*elements]):
            for element in elements:
                yield from constants(element, names)


def module_constants(tree: ast.Module) -> dict[str, str]:
    return {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def codes_at(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """Yield the codes that one node of the source uses."""
    match node:
        case ast.keyword(arg="code", value=value):
            yield from constants(value, names)
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield from constants(value, names)
        case ast.Assign(
            targets=[ast.Tuple(elts=[*_, ast.Name(id="code")])], value=ast.Tuple(elts=[*_, value])
        ):
            yield from constants(value, names)
        case ast.AnnAssign(target=ast.Name(id="code"), value=value):
            yield from constants(value, names)
        case ast.Call(func=ast.Attribute(attr="cancel" | "reject"), args=[_, value]):
            yield from constants(value, names)
        case ast.FunctionDef(name=name) if "refus" in name or name == "_own":
            for each in ast.walk(node):
                if isinstance(each, ast.Return):
                    yield from constants(each.value, names)


def used_codes(source: Module) -> set[str]:
    """Return the refusal codes that a module uses."""
    if source.path.removeprefix("src/econsim/").startswith(ELSEWHERE):
        return set()
    names = module_constants(source.tree)
    found = {code for node in ast.walk(source.tree) for code in codes_at(node, names)}
    found |= {
        code for name, code in names.items() if name in {"TERMINATED", "EXHAUSTED", "NO_SERVICE", "ID_EXISTS"}
    }
    return {code for code in found if SENTENCE.match(code)} - NO_REFUSALS


def test_no_code_is_used_that_the_list_has_not() -> None:
    used = {code: source.path for source in package() for code in used_codes(source)}
    used |= dict.fromkeys(Refusal, "Refusal") | {kind.code: "QuotaKind" for kind in QuotaKind}

    missing = {code: path for code, path in used.items() if code not in refusal_codes()}

    assert not missing, f"add these codes to src/econsim/schemas/refusals.toml: {missing}"


def test_the_list_has_no_code_that_is_not_used() -> None:
    texts = [source.text for source in package() if not source.path.startswith("src/econsim/checks/")]

    unused = [code for code in refusal_codes() if not any(f'"{code}"' in text for text in texts)]

    assert not unused, f"remove these codes from src/econsim/schemas/refusals.toml: {unused}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('raise NotFound("gone", code="a_new_code")', "a_new_code"),
        ('class Lost(EconsimError):\n    code = "a_new_code"', "a_new_code"),
        ('what, code = "text", "a_new_code"', "a_new_code"),
        ('out.cancel(order, "a_new_reason")', "a_new_reason"),
        ('def _refuse(x):\n    return "a_new_code" if x else None', "a_new_code"),
        ('NEW: Final = "a_new_code"\nraise NotFound(text, code=NEW)', "a_new_code"),
        ('f(code="one_code" if x else "a_new_code")', "a_new_code"),
    ],
)
def test_a_code_is_found_wherever_it_is_used(text, code) -> None:
    assert code in used_codes(module(text, "src/econsim/services/x.py"))


def test_no_code_is_listed_twice() -> None:
    rows = [row.code for group in refusal_groups() for row in group.codes]

    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("row", refusal_codes().values(), ids=lambda row: row.code)
def test_a_code_says_in_sentences_what_it_means_and_what_to_do(row) -> None:
    assert SENTENCE.match(row.code)
    assert row.meaning.endswith(".")
    assert row.remedy.endswith(".")
    assert "|" not in row.meaning + row.remedy


def test_the_published_page_is_the_list() -> None:
    page = (ROOT / "docs/reference/refusals.md").read_text(encoding="utf-8")

    assert page == refusals_page(), "econsim catalog --refusals --output docs/reference/refusals.md"

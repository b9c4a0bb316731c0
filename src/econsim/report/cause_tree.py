"""Causes and effects of a fact as a tree for the terminal: what `econsim why` prints, and the view of a run shows."""

from __future__ import annotations

from typing import Final

from rich.text import Text
from rich.tree import Tree

from econsim.domain.audit.causality import CausalGraph, EffectTree
from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import Fact
from econsim.report.format import plural, visible

COLOURS: Final = {
    "trade_executed": "green",
    "order_rejected": "red",
    "transfer_refused": "red",
    "order_cancelled": "yellow",
    "bid_accepted": "cyan",
    "ask_accepted": "magenta",
    "invoked": "bright_blue",
    "transfer_posted": "dim",
    "ticked": "bold blue",
    "opened": "bold",
    "closed": "bold",
    "period_opened": "bold",
    "period_closed": "bold",
}
"""Colour of a fact in a list or tree, by its action."""

EFFECTS_SHOWN_MAX: Final = 12
"""Effects of one fact that are shown; a tick has thousands."""

CAUSES_SHOWN_MAX: Final = 8
"""Causes that are shown, of which the first is the run's opening: each stands deeper by four columns, and a period adds two."""


def cause_tree(causes: CausalGraph, name: str) -> Tree:
    """Return a tree of a fact: its causes from the root down to it, and its effects below it; raises NotFound.

    Of many causes or effects it says how many it leaves out.
    """
    root = branch = Tree(Text("why", style="dim"), hide_root=True, guide_style="dim")
    steps = causes.chain(name)
    leaves = [_leaf(fact) for fact in reversed(steps[1:])]
    if (left_out := len(leaves) - CAUSES_SHOWN_MAX) > 0:
        leaves[1 : 1 + left_out] = [Text(f"… {plural(left_out, 'cause')} more", style="dim")]
    for leaf in leaves:
        branch = branch.add(leaf)
    _grow(branch.add(Text.assemble(("▶ ", "bold yellow"), _leaf(steps[0]))), causes.tree(name))
    return root


def _grow(branch: Tree, node: EffectTree) -> None:
    for effect in node.effects[:EFFECTS_SHOWN_MAX]:
        _grow(branch.add(_leaf(effect.fact)), effect)
    if len(node.effects) > EFFECTS_SHOWN_MAX:
        branch.add(f"[dim]… and {len(node.effects) - EFFECTS_SHOWN_MAX} more[/dim]")


def _leaf(fact: Fact) -> Text:
    action = fact.type.partition(".")[2]
    return Text.assemble(
        (visible(action), COLOURS.get(action, "")),
        visible(f" {describe(fact)}"),
        (f"  tick {fact.tick}, {fact.event_id}", "dim"),
    )

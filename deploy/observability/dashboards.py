"""Writes the dashboards of Grafana: `python deploy/observability/dashboards.py`. A test holds the files to it, and runs every query."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import dashboard, prometheus, timeseries
from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

DIRECTORY: Final = Path(__file__).parent / "dashboards"
"""Directory of the dashboards, as Grafana is provisioned with it."""

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${source}")
RUN: Final = 'run=~"$run"'
LEADS: Final = 'is_stream_leader="true"'
HEIGHT: Final = 8
WIDTH: Final = 12


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its title, its unit, and its queries with their legends."""

    title: str
    unit: str
    queries: dict[str, str]
    about: str = ""


def quantile(share: float, metric: str, by: str, where: str = "") -> str:
    """Return the query of a quantile of a histogram."""
    rate = f"rate({metric}_bucket{{{where}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({by}, le) ({rate}))"


def rate(metric: str, by: str, where: str = "") -> str:
    """Return the query of the growth of a counter a second."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


AGENTS: Final = (
    Panel("Agents", "short", {f"econsim_run_agents{{{RUN}}}": "{{run}}"}),
    Panel(
        "Credits in circulation",
        "short",
        {
            f"econsim_credits_in_circulation{{{RUN}}}": "owned, {{run}}",
            f"econsim_debt_credits{{{RUN}}}": "owed, {{run}}",
        },
    ),
    Panel(
        "Inequality (Gini)",
        "percentunit",
        {f"econsim_gini{{{RUN}}}": "{{run}}"},
        "0 is equal, 1 is all to one.",
    ),
    Panel(
        "Messages of agents, by kind",
        "reqps",
        {
            rate(
                "econsim_message_handling_seconds_count",
                "subject",
                'service=~"admission|market|ledger|social|workspace"',
            ): "{{subject}}"
        },
    ),
    Panel(
        "Refusals, by code", "reqps", {f"{rate('econsim_refusals_total', 'code')} or vector(0)": "{{code}}"}
    ),
)

MARKET: Final = (
    Panel(
        "Price and equilibrium",
        "short",
        {
            f"econsim_price_credits{{{RUN}}}": "{{resource}}",
            f"econsim_equilibrium_price_credits{{{RUN}}}": "P0 of {{resource}}",
        },
        "Credits a unit. The equilibrium is of the agents' private values, which the markets never see.",
    ),
    Panel(
        "Spread",
        "short",
        {f"econsim_spread_credits{{{RUN}}}": "{{resource}}"},
        "Lowest ask less highest bid, when both were last there; credits.",
    ),
    Panel("Orders", "ops", {rate("econsim_orders_total", "run, resource", RUN): "{{resource}}"}),
    Panel("Trades", "ops", {rate("econsim_trades_total", "run, resource", RUN): "{{resource}}"}),
    Panel("Units traded", "ops", {rate("econsim_units_traded_total", "run, resource", RUN): "{{resource}}"}),
    Panel(
        "Efficiency so far",
        "percentunit",
        {f"econsim_efficiency{{{RUN}}}": "{{resource}}"},
        "Surplus realised over the most possible in the periods begun; it rises within a period.",
    ),
)

COGNITION: Final = (
    Panel(
        "Calls of models",
        "reqps",
        {rate("econsim_model_calls_total", "model, outcome", RUN): "{{model}} {{outcome}}"},
    ),
    Panel(
        "Tokens",
        "short",
        {rate("econsim_model_tokens_total", "model, kind", RUN): "{{model}} {{kind}}"},
        "A second.",
    ),
    Panel(
        "Cost of thinking",
        "short",
        {f"sum by (run, model) (econsim_thinking_cost_credits_total{{{RUN}}})": "{{model}}"},
        "Credits so far.",
    ),
    Panel(
        "Calls of tools",
        "reqps",
        {rate("econsim_tool_calls_total", "server, outcome", RUN): "{{server}} {{outcome}}"},
    ),
    Panel(
        "Cost of tools",
        "short",
        {f"sum by (run, server) (econsim_tool_cost_credits_total{{{RUN}}})": "{{server}}"},
        "Credits so far.",
    ),
    Panel(
        "Time to an answer of a model",
        "s",
        {
            quantile(
                0.5, "econsim_request_round_trip_seconds", "subject", 'subject=~"system[.]llm[.].*"'
            ): "median, {{subject}}"
        },
    ),
)

NATS: Final = (
    Panel(
        "Messages in queues and log",
        "short",
        {f"jetstream_stream_total_messages{{{LEADS}, stream_name!~'KV_.*'}}": "{{stream_name}}"},
    ),
    Panel(
        "Bytes of streams", "bytes", {f"topk(8, jetstream_stream_total_bytes{{{LEADS}}})": "{{stream_name}}"}
    ),
    Panel(
        "Written to streams",
        "wps",
        {
            f"sum by (stream_name) (rate(jetstream_stream_last_seq{{{LEADS}}}[$__rate_interval]))": "{{stream_name}}"
        },
    ),
    Panel(
        "Waiting for consumers",
        "short",
        {
            'jetstream_consumer_num_pending{is_consumer_leader="true"}': "waiting, {{consumer_name}}",
            'jetstream_consumer_num_ack_pending{is_consumer_leader="true"}': "not acknowledged, {{consumer_name}}",
        },
    ),
    Panel(
        "Delivered again",
        "short",
        {'jetstream_consumer_num_redelivered{is_consumer_leader="true"}': "{{consumer_name}}"},
    ),
    Panel(
        "Lag of copies",
        "short",
        {f"jetstream_stream_source_lag{{{LEADS}}}": "{{source_name}} to {{stream_name}}"},
    ),
    Panel(
        "Messages through servers",
        "mps",
        {
            "rate(gnatsd_varz_in_msgs[$__rate_interval])": "in, {{server_name}}",
            "rate(gnatsd_varz_out_msgs[$__rate_interval])": "out, {{server_name}}",
        },
    ),
    Panel(
        "Servers",
        "short",
        {
            "gnatsd_varz_connections": "connections, {{server_name}}",
            "gnatsd_varz_slow_consumers": "slow consumers, {{server_name}}",
            "gnatsd_varz_cpu": "load in percent, {{server_name}}",
        },
    ),
    Panel("Memory of servers", "bytes", {"gnatsd_varz_mem": "{{server_name}}"}),
)

RUNS: Final = (
    Panel("Open runs", "short", {"econsim_runs_open": "open"}),
    Panel("Tick", "short", {f"econsim_run_tick{{{RUN}}}": "{{run}}"}),
    Panel("Workers", "short", {"sum by (service) (econsim_workers)": "{{service}}"}),
    Panel(
        "Round trips, slowest hundredth",
        "s",
        {
            quantile(
                0.99, "econsim_request_round_trip_seconds", "subject", 'outcome="answered"'
            ): "{{subject}}"
        },
    ),
    Panel(
        "Time of handling, slowest hundredth",
        "s",
        {quantile(0.99, "econsim_message_handling_seconds", "service, subject"): "{{service}}: {{subject}}"},
    ),
    Panel(
        "Messages handled",
        "reqps",
        {rate("econsim_message_handling_seconds_count", "service, outcome"): "{{service}} {{outcome}}"},
    ),
    Panel(
        "Tasks that start and fail",
        "short",
        {
            "sum by (service, task) (increase(econsim_leases_taken_total[$__rate_interval]))": "{{task}} starts",
            "sum by (service, task) (increase(econsim_tasks_failed_total[$__rate_interval]))": "{{task}} fails",
        },
    ),
    Panel(
        "Faults",
        "short",
        {
            f"econsim_dead_letters_total{{{RUN}}}": "dead letters, {{run}}",
            f"econsim_ledger_imbalance{{{RUN}}}": "imbalance of {{asset}}, {{run}}",
            "sum by (service) (econsim_trace_spans_dropped_total)": "dropped spans, {{service}}",
        },
        "All are 0 in a healthy system.",
    ),
)

DASHBOARDS: Final = {"agents": AGENTS, "market": MARKET, "cognition": COGNITION, "nats": NATS, "runs": RUNS}
"""Name of a dashboard → its panels."""


def build(name: str, panels: tuple[Panel, ...]) -> str:
    """Return a dashboard as the text of its file."""
    made = (
        dashboard.Dashboard(f"econsim: {name}")
        .uid(f"econsim-{name}")
        .tags(["econsim"])
        .refresh("15s")
        .time("now-15m", "now")
        .readonly()
        .with_variable(DatasourceVariable("source").type("prometheus").label("Prometheus"))
        .with_variable(
            QueryVariable("run")
            .label("Run")
            .datasource(SOURCE)
            .query("label_values(econsim_run_tick, run)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)  # noqa: FBT003 - the builder's own
            .include_all(True)  # noqa: FBT003 - as above
            .all_value(".*")
        )
    )
    for number, panel in enumerate(panels, start=1):
        legend = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)  # noqa: FBT003 - as above
        picture = (
            timeseries.Panel()
            .id(number)
            .legend(legend.placement(LegendPlacement.BOTTOM))
            .title(panel.title)
            .description(panel.about)
            .unit(panel.unit)
            .datasource(SOURCE)
            .height(HEIGHT)
            .span(WIDTH)
        )
        for letter, (expression, name_of_line) in zip("ABC", panel.queries.items(), strict=False):
            query = prometheus.Dataquery().ref_id(letter).expr(expression)
            picture.with_target(query.legend_format(name_of_line))
        made.with_panel(picture)
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def main() -> None:
    """Write all dashboards."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, panels in DASHBOARDS.items():
        (DIRECTORY / f"{name}.json").write_text(build(name, panels))


if __name__ == "__main__":
    main()

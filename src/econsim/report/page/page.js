"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Colours of page and text come from the style sheet, so charts follow light and dark with it.
  const config = () => ({
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: {
      labelColor: colour("--muted"), titleColor: colour("--muted"), gridColor: colour("--grid"),
      domainColor: colour("--line"), tickColor: colour("--line"),
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, titlePadding: 8, tickCount: 6,
    },
    axisX: { grid: false },
    legend: { labelColor: colour("--ink"), titleColor: colour("--muted"), labelFontSize: 12, titleFontWeight: 400, symbolStrokeWidth: 3 },
  });

  const draw = () => {
    for (const place of document.querySelectorAll("[data-chart]")) {
      const spec = { ...specs[place.dataset.chart], width: "container", height: "container", autosize: { type: "fit", contains: "padding" } };
      vegaEmbed(place, spec, { mode: "vega-lite", actions: false, renderer: "svg", config: config() })
        .catch((error) => { place.textContent = `This chart could not be drawn: ${error.message}`; });
    }
  };

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();

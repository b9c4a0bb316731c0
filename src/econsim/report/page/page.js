"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  // Colours of page and text stay names of the style sheet, so charts follow light, dark and paper with it.
  const colour = (name) => `var(${name})`;

  const config = {
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
  };

  for (const place of document.querySelectorAll("[data-chart]")) {
    const spec = { ...specs[place.dataset.chart], width: "container", height: "container", autosize: { type: "fit", contains: "padding" } };
    vegaEmbed(place, spec, { mode: "vega-lite", actions: false, renderer: "svg", config })
      .catch((error) => { place.textContent = `This chart could not be drawn: ${error.message}`; });
  }
})();

"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  // Colours of page and text stay names of the style sheet, so charts follow light, dark and paper with it.
  const onPage = (name) => `var(${name})`;
  // A picture that leaves the page is light: it goes on paper, and knows no style sheet.
  const light = { "--ink": "#171a21", "--muted": "#565e6d", "--grid": "#eceef2", "--line": "#b9c0cc", "--card": "#ffffff" };
  const onPaper = (name) => light[name];
  const WIDE_PX = 720, NARROW_PX = 480, HEIGHT_PX = 300, PIXELS_EACH_WAY = 3;

  const config = (colour, font, background) => ({
    background, font, view: { stroke: null },
    axis: {
      labelColor: colour("--muted"), titleColor: colour("--muted"), gridColor: colour("--grid"),
      domainColor: colour("--line"), tickColor: colour("--line"),
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, titlePadding: 8, tickCount: 6,
    },
    axisX: { grid: false, labelOverlap: "greedy", labelSeparation: 8 },
    legend: { labelColor: colour("--ink"), titleColor: colour("--muted"), labelFontSize: 12, titleFontWeight: 400, symbolStrokeWidth: 3 },
    title: {
      anchor: "start", frame: "bounds", fontSize: 15, fontWeight: 600, color: colour("--ink"), offset: 12,
      subtitleColor: colour("--muted"), subtitleFontSize: 11, subtitlePadding: 5,
    },
  });

  const draw = (place, spec, look) => vegaEmbed(place, spec, { mode: "vega-lite", actions: false, renderer: "svg", config: look });

  // The same rule as `tables_of` in figure_file.py: data with a name are the figure's; if none has one, all are.
  const tables = (spec) => {
    const found = [];
    const walk = (part) => {
      const rows = part.data?.values ?? spec.datasets?.[part.data?.name];
      if (rows) found.push([part.data.name ?? "", rows]);
      for (const each of [...(part.layer ?? []), ...(part.vconcat ?? []), ...(part.hconcat ?? []), ...(part.spec ? [part.spec] : [])]) walk(each);
    };
    walk(spec);
    const named = found.filter(([name]) => name);
    return named.length ? named : found;
  };

  const csv = (spec) => {
    const found = tables(spec);
    const columns = [...new Set(found.flatMap(([, rows]) => rows.flatMap(Object.keys)))];
    const cell = (value) => {
      const text = String(value ?? "");
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = found.flatMap(([name, rows]) => rows.map((row) => [name, ...columns.map((column) => row[column])]));
    const all = [["table", ...columns], ...lines];
    return all.map((line) => line.map(cell).join(",") + "\r\n").join("");
  };

  const onPaperView = async (place, spec) => {
    const figure = place.closest("figure");
    const bare = JSON.parse(JSON.stringify(spec).replace(/var\((--\w+)\)/g, (_, name) => onPaper(name)));
    const title = { text: figure.querySelector("b").textContent, subtitle: document.body.dataset.origin };
    const size = { width: figure.classList.contains("wide") ? WIDE_PX : NARROW_PX, height: place.dataset.height ? Number(place.dataset.height) - 50 : HEIGHT_PX };
    const font = "Helvetica Neue, Helvetica, Arial, sans-serif";
    return (await draw(document.createElement("div"), { ...bare, ...size, title }, config(onPaper, font, "#ffffff"))).view;
  };

  const kinds = {
    svg: async (place, spec) => new Blob([await (await onPaperView(place, spec)).toSVG()], { type: "image/svg+xml" }),
    png: async (place, spec) => {
      const canvas = await (await onPaperView(place, spec)).toCanvas(PIXELS_EACH_WAY);
      return new Promise((done) => { canvas.toBlob(done, "image/png"); });
    },
    csv: async (place, spec) => new Blob([csv(spec)], { type: "text/csv" }),
  };

  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => { URL.revokeObjectURL(link.href); }, 10_000);
  };

  const offer = (place, spec) => {
    const line = document.createElement("p");
    line.className = "save";
    for (const [kind, made] of Object.entries(kinds)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = kind.toUpperCase();
      button.title = `Save this figure as ${kind.toUpperCase()}`;
      button.addEventListener("click", async () => { save(await made(place, spec), `${place.dataset.chart}.${kind}`); });
      line.append(button);
    }
    place.after(line);
  };

  // Charts are drawn anew for the width of paper: scaled down from a screen's, their text could not be read.
  const forPaper = (on) => () => {
    document.body.classList.toggle("paper", on);
    window.dispatchEvent(new Event("resize"));
  };
  window.addEventListener("beforeprint", forPaper(true));
  window.addEventListener("afterprint", forPaper(false));

  const look = config(onPage, getComputedStyle(document.body).fontFamily, "transparent");
  for (const place of document.querySelectorAll("[data-chart]")) {
    const spec = specs[place.dataset.chart];
    const fitted = { ...spec, width: "container", height: "container", autosize: { type: "fit", contains: "padding" } };
    draw(place, fitted, look)
      .then(() => { offer(place, spec); })
      .catch((error) => { place.textContent = `This chart could not be drawn: ${error.message}`; });
  }
})();

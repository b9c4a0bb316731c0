// The charts of a market: its price by tick beside the equilibrium, the depth of its book, and the prices of its trades.

import uPlot from "uplot";

const CREDIT = 1e6;

/** A colour of the page as the browser resolves it, light or dark. */
function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function faint(rgb, share) {
  return rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);
}

/** Axes with their names and units. */
function axes(x, y, more) {
  const stroke = colour("muted"), line = { stroke: colour("grid"), width: 1 };
  const font = "12px system-ui, sans-serif", look = { stroke, font, grid: line, ticks: line, labelFont: font, labelSize: 18 };
  return [{ ...look, size: 28, label: x, ...more }, { ...look, size: 50, label: y }];
}

class Chart {
  constructor(element) {
    this.element = element;
    this.plot = null;
    new ResizeObserver(() => this.fit()).observe(element);
  }
  fit() {
    const width = this.element.clientWidth, height = this.element.clientHeight;
    if (this.plot && width) this.plot.setSize({ width, height });
  }
  /** Draw it anew, as after a change of colours. */
  reset() {
    this.plot?.destroy();
    this.plot = null;
  }
  draw(data) {
    if (!this.element.clientWidth) return;
    if (this.plot) return this.plot.setData(data);
    const size = { width: this.element.clientWidth, height: this.element.clientHeight };
    this.plot = new uPlot({ ...size, legend: { show: false }, cursor: { drag: { x: false } }, ...this.options() }, data, this.element);
  }
}

export class PriceChart extends Chart {
  options() {
    // The equilibrium of a tick holds until the next one: it changes at once where a period begins.
    const steps = uPlot.paths.stepped({ align: 1 });
    const price = colour("accent"), even = colour("ink"), none = { paths: () => null, points: { show: false } };
    return {
      scales: { x: { time: false }, y: { range: (_, low, high) => padded(low, high) } },
      axes: axes("tick", "price, credits", { values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick : "")) }),
      series: [
        {},
        none,
        none,
        { stroke: price, width: 2, spanGaps: true, points: { show: true, size: 4, fill: price } },
        { stroke: even, width: 1.5, dash: [6, 5], paths: steps, points: { show: false } },
        { stroke: even, width: 1.5, dash: [6, 5], paths: steps, points: { show: false } },
      ],
      hooks: { drawAxes: [(plot) => drawRanges(plot, faint(price, 0.3))] },
    };
  }
  /** Show the first rows of a series, and the lowest and highest equilibrium price of each row's period. */
  show(series, count, equilibrium) {
    const part = (values) => values.slice(0, count).map(credits);
    const evens = series.periods.slice(0, count).map(equilibrium), ticks = series.ticks.slice(0, count);
    this.draw([ticks, part(series.lows), part(series.highs), part(series.prices), evens.map((each) => credits(each?.low)), evens.map((each) => credits(each?.high))]);
  }
}

/** A line from the lowest to the highest price of each tick. */
function drawRanges(plot, stroke) {
  const { ctx } = plot, [ticks, lows, highs] = plot.data;
  const width = Math.min(6, (0.7 * plot.bbox.width) / Math.max(1, ticks.length)) * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = Math.max(1, width);
  for (let row = 0; row < ticks.length; row++) {
    if (lows[row] === null) continue;
    const x = plot.valToPos(ticks[row], "x", true);
    ctx.moveTo(x, plot.valToPos(lows[row], "y", true));
    ctx.lineTo(x, plot.valToPos(highs[row], "y", true));
  }
  ctx.stroke();
  ctx.restore();
}

export class DepthChart extends Chart {
  options() {
    const stepped = (align) => uPlot.paths.stepped({ align });
    const side = (name, align) => ({
      stroke: colour(name), fill: faint(colour(name), 0.16), width: 2, paths: stepped(align), points: { show: false }, spanGaps: true,
    });
    return {
      scales: { x: { time: false }, y: { range: (_, _low, high) => [0, Math.max(1, high ?? 1) * 1.06] } },
      axes: axes("price, credits", "units", {}),
      series: [{}, side("bid", -1), side("ask", 1)],
    };
  }
  show({ bid, ask }) {
    const bids = cumulated([...bid].sort((a, b) => b[0] - a[0])).reverse();
    const asks = cumulated([...ask].sort((a, b) => a[0] - b[0]));
    const byPrice = new Map();
    for (const [price, units] of bids) byPrice.set(price, [units, null]);
    for (const [price, units] of asks) byPrice.set(price, [byPrice.get(price)?.[0] ?? null, units]);
    const rows = [...byPrice].sort((a, b) => a[0] - b[0]);
    this.draw([rows.map(([price]) => price / CREDIT), rows.map(([, [bids]]) => bids), rows.map(([, [, asks]]) => asks)]);
  }
}

/** Prices of a period's trades in their order, those of one agent marked, and what its next unit is worth. */
export class TradeChart extends Chart {
  options() {
    const price = colour("muted"), own = colour("accent"), worth = colour("ink");
    return {
      scales: { x: { time: false, range: (_, _low, high) => [0.5, Math.max(8, high ?? 0) + 0.5] }, y: { range: (_, low, high) => padded(low, high, 0.05) } },
      axes: axes("trade of the period", "price, credits", { values: (_, trades) => trades.map((trade) => (Number.isInteger(trade) ? trade : "")) }),
      series: [
        {},
        { stroke: price, width: 1.5, points: { show: true, size: 7, fill: price } },
        { stroke: own, width: 0, paths: () => null, points: { show: true, size: 12, fill: own } },
        { stroke: worth, width: 1.5, dash: [6, 5], spanGaps: true, points: { show: false } },
      ],
    };
  }
  show(prices, own, worth) {
    const places = prices.length ? prices.map((_, place) => place + 1) : [1, 8];
    if (prices.length && prices.length < 8) places.push(8);
    const row = (value) => places.map((_, place) => value(place));
    this.draw([places, row((place) => credits(prices[place])), row((place) => (own.has(place) ? credits(prices[place]) : null)), row(() => credits(worth))]);
  }
}

const credits = (micros) => (micros === undefined || micros === null ? null : micros / CREDIT);

function cumulated(levels) {
  let sum = 0;
  return levels.map(([price, units]) => [price, (sum += units)]);
}

function padded(low, high, share = 0.01) {
  if (low === null || high === null) return [0, 1];
  const room = Math.max((high - low) * 0.08, high * share, 0.01);
  return [Math.max(0, low - room), high + room];
}

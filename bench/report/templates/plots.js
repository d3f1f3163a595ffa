// Charts, drawn with Observable Plot as SVG. Colours are variables of the page, so that a chart follows its dark, print and
// forced-colours styles; beside each colour stands a shape, a dash or a hatching.
const ROW = 22, CHARACTER = 7, GAP = 12;
const SYMBOLS = ["circle", "square", "triangle", "diamond", "cross", "star", "wye"];
const DASHES = ["1 0", "7 3", "2 2", "8 2 2 2", "4 4", "1 3", "8 2 2 2 2 2"];
const VERDICT_SYMBOLS = {
  slower: { symbol: "triangle", rotate: 90 }, faster: { symbol: "triangle", rotate: -90 }, same: { symbol: "circle" }, inconclusive: { symbol: "diamond" },
};
const PERCENTILES = [[0.30103, "p50"], [1, "p90"], [2, "p99"], [3, "p99.9"], [4, "p99.99"], [5, "p99.999"]];

const seriesColour = (series) => `var(--series-${series % SERIES})`;
// When the colours are used up, they come again with other shapes.
const seriesShape = (series) => (series + Math.floor(series / SERIES)) % SERIES;
const seriesSymbol = (series) => SYMBOLS[seriesShape(series)];
const seriesDash = (series) => DASHES[seriesShape(series)];
const plain = (value) => Number(value.toPrecision(3)).toLocaleString("en-US");
// Cut in the middle where it has no room, as names differ at both ends.
function shortened(text, room) {
  const most = Math.floor(room / CHARACTER), half = Math.floor((most - 1) / 2);
  return text.length <= most ? text : `${text.slice(0, half)}…${text.slice(-half)}`;
}
const longest = (texts) => Math.max(0, ...texts.map((text) => text.length));

function tipped(marks, rows, pointer, channels) {
  return [...marks, Plot.tip(rows, pointer({ ...channels, title: "title", fill: "var(--paper)", stroke: "var(--quiet)", fontSize: 12 }))];
}

function plotted(width, options) {
  return Plot.plot({
    width, style: { fontSize: "12px", fontFamily: "inherit", background: "transparent", overflow: "visible" },
    color: { type: "identity" }, symbol: { type: "identity" }, ...options,
  });
}

// Numbers along an axis, as many as fit. With `text`, because a logarithmic axis leaves out labels of a tickFormat that it
// takes for minor ones.
function axisTicks([low, high], type, width) {
  if (type !== "log") return { ticks: Math.max(2, Math.floor(width / 80)), text: plain };
  return { ticks: high / low < 4 ? evenTicks([low, high], Math.max(2, Math.floor(width / 60))) : decadeTicks([low, high], width / 55), text: plain };
}

// Round numbers at equal distances, about so many of them: for an axis that reaches less far than a decade.
function evenTicks([low, high], count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const ticks = [];
  for (let number = Math.ceil(low / step); number <= Math.floor(high / step); number += 1) ticks.push(Number((number * step).toPrecision(6)));
  return ticks;
}

// 1, 2 and 5 of each decade, or fewer, so that there are no more than `room`.
function decadeTicks([low, high], room) {
  const decades = Math.log10(high / low), ticks = [];
  const steps = decades * 3 <= room ? [1, 2, 5] : decades * 2 <= room ? [1, 3] : [1];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade += 1) {
    for (const step of steps) {
      const tick = step * 10 ** decade;
      if (tick >= low && tick <= high) ticks.push(Number(tick.toPrecision(3)));
    }
  }
  return ticks.length >= 2 ? ticks : [low, Math.sqrt(low * high), high].map((each) => Number(each.toPrecision(2)));
}

// Both ends of an axis; an interval stretches it to three times the values at most.
function intervalDomain(rows, scale, reference) {
  const values = [...rows.map((row) => row.value), ...(reference === null ? [] : [reference])];
  const ends = rows.flatMap((row) => [row.low, row.high]).filter((each) => each !== null);
  const low = Math.max(Math.min(...values, ...ends), Math.min(...values) / 3);
  const high = Math.min(Math.max(...values, ...ends), Math.max(...values) * 3);
  if (scale === "linear") return [0, (high || 1) * 1.03];
  const room = high > low ? (high / low) ** 0.03 : 1.1;
  return [low / room, high * room];
}

const drawings = {
  // A row for each value: a point, its interval, and its text. A predicted value is hollow and its interval dashed.
  Intervals({ dots, axis, scale, reference }, width) {
    const [low, high] = intervalDomain(dots, scale, reference);
    const rows = dots.map((dot, number) => ({
      ...dot, number, x: Math.min(Math.max(dot.value, low), high),
      x1: Math.max(dot.low ?? dot.value, low), x2: Math.min(dot.high ?? dot.value, high),
      title: dot.title ?? `${dot.label}\n${dot.text}`,
    }));
    const marginLeft = Math.min(longest(dots.map((dot) => dot.label)) * CHARACTER + GAP, width * 0.45);
    const marginRight = Math.min(longest(dots.map((dot) => dot.text)) * CHARACTER + GAP, width * 0.4);
    const inner = width - marginLeft - marginRight;
    const colour = (row) => seriesColour(row.series);
    const label = new Map(rows.map((row) => [row.number, row.label]));
    const marks = [
      Plot.gridX(axisTicks([low, high], scale, inner)),
      Plot.axisX({ ...axisTicks([low, high], scale, inner), label: null, tickSize: 0 }),
      Plot.axisY({ tickFormat: (number) => shortened(label.get(number), marginLeft - GAP), label: null, tickSize: 0 }),
      ...(reference === null ? [] : [Plot.ruleX([reference], { stroke: "currentColor", strokeDasharray: "3 3" })]),
      ...[false, true].map((predicted) => Plot.ruleY(rows.filter((row) => Boolean(row.predicted) === predicted), {
        y: "number", x1: "x1", x2: "x2", stroke: colour, strokeWidth: 2.5, ...(predicted ? { strokeDasharray: "3 3" } : {}),
      })),
      Plot.dot(rows, {
        x: "x", y: "number", symbol: (row) => seriesSymbol(row.series), stroke: colour, r: 4.5, strokeWidth: 1.5,
        fill: (row) => (row.predicted ? "var(--paper)" : colour(row)),
      }),
      Plot.text(rows, { x: "x2", y: "number", text: "text", textAnchor: "start", dx: 9, fill: "currentColor" }),
    ];
    return plotted(width, {
      height: rows.length * ROW + 44, marginLeft, marginRight, marginTop: 2, marginBottom: 42,
      x: { type: scale, domain: [low, high], label: axis, labelAnchor: "left", labelArrow: "none" },
      y: { type: "band", domain: rows.map((row) => row.number) },
      marks: [...tipped(marks, rows, Plot.pointerY, { x: "x", y: "number" }), ...axisLabel(axis, marginLeft)],
    });
  },

  // A bar for each row, of pieces laid end to end.
  Bars({ segments, axis, totals, parts }, width) {
    const ends = new Map();
    const rows = segments.map(([label, part, value]) => {
      const each = { label, part, value };
      const from = ends.get(each.label) ?? 0;
      ends.set(each.label, from + each.value);
      const name = parts?.[each.part] ? `${parts[each.part]} ` : "";
      return { ...each, x1: from, x2: from + each.value, title: `${each.label}\n${name}${significant(each.value)}` };
    });
    const labels = [...ends.keys()], words = new Map(totals);
    const marginLeft = Math.min(longest(labels) * CHARACTER + GAP, width * 0.45);
    const marginRight = longest([...words.values()]) * CHARACTER + GAP;
    const most = Math.max(...ends.values(), 0) || 1, inner = width - marginLeft - marginRight;
    return plotted(width, {
      height: labels.length * ROW + 44, marginLeft, marginRight, marginTop: 2, marginBottom: 42,
      x: { domain: [0, most] }, y: { type: "band", domain: labels, padding: 0.25 },
      marks: [
        Plot.gridX(axisTicks([0, most], "linear", inner)),
        Plot.axisX({ ...axisTicks([0, most], "linear", inner), label: null, tickSize: 0 }),
        Plot.axisY({ tickFormat: (text) => shortened(text, marginLeft - GAP), label: null, tickSize: 0 }),
        ...tipped([
          Plot.barX(rows, { x1: "x1", x2: "x2", y: "label", fill: (row) => `url(#part-${row.part})`, stroke: "var(--paper)", strokeWidth: 0.5 }),
          Plot.text(labels, { x: (each) => ends.get(each), y: (each) => each, text: (each) => words.get(each) ?? "", textAnchor: "start", dx: 5, fill: "currentColor" }),
        ], rows, Plot.pointer, { x: (row) => (row.x1 + row.x2) / 2, y: "label" }),
        ...axisLabel(axis, marginLeft),
      ],
    });
  },

  // Latency by percentile, a line for each series.
  Percentiles({ lines, axis, y_domain: domain, nines, names }, width) {
    const rows = lines.flatMap(({ series, points }) => points.map(([x, y]) => ({
      x, y, series, title: `${names?.[series] ?? ""}\np${significant(100 * (1 - 10 ** -x))}: ${significant(y)}`,
    })));
    const ticks = PERCENTILES.filter(([at]) => at <= nines);
    return plotted(width, {
      height: 220, marginLeft: 48, marginBottom: 30, marginTop: 26,
      x: { domain: [0, Math.max(nines, 1)] }, y: { type: "log", domain },
      marks: [
        Plot.gridY(axisTicks(domain, "log", 180)),
        Plot.axisX({ ticks: ticks.map(([at]) => at), tickFormat: (at) => ticks.find(([each]) => each === at)?.[1], label: "percentile", labelArrow: "none" }),
        Plot.axisY({ ...axisTicks(domain, "log", 180), label: axis, labelArrow: "none" }),
        ...tipped(lines.map(({ series, points }) => Plot.line(points, { x: (each) => each[0], y: (each) => each[1], stroke: seriesColour(series), strokeWidth: 2, strokeDasharray: seriesDash(series) })), rows, Plot.pointer, { x: "x", y: "y" }),
      ],
    });
  },

  // Latency over throughput: a line for each series, a point for each load, a ring around the knee.
  LoadCurves({ lines, axis, names }, width) {
    const rows = lines.flatMap(({ series, points, knee }) => points.map(([x, y, text], number) => ({
      x, y, text, series, knee: number === knee, title: `${names?.[series] ?? ""}, ${text}\n${significant(x)} requests/s\n${significant(y)}`,
    })));
    const latencies = rows.map((row) => row.y), spread = Math.max(...latencies) / Math.min(...latencies) >= 8;
    const domain = spread ? [Math.min(...latencies) / 1.1, Math.max(...latencies) * 1.1] : [0, Math.max(...latencies) * 1.1];
    const type = spread ? "log" : "linear", colour = (row) => seriesColour(row.series);
    return plotted(width, {
      height: 260, marginLeft: 48, marginBottom: 38, marginTop: 26, x: { zero: true, nice: true }, y: { type, domain },
      marks: [
        Plot.gridY(axisTicks(domain, type, 200)),
        Plot.axisX({ label: "throughput, requests/s (right is better)", labelArrow: "none", ticks: Math.floor(width / 90) }),
        Plot.axisY({ ...axisTicks(domain, type, 200), label: axis, labelArrow: "none" }),
        ...tipped([
          ...lines.map(({ series, points }) => Plot.line(points, { x: (each) => each[0], y: (each) => each[1], stroke: seriesColour(series), strokeDasharray: seriesDash(series) })),
          Plot.dot(rows, { x: "x", y: "y", symbol: (row) => seriesSymbol(row.series), fill: colour, r: 4 }),
          Plot.dot(rows.filter((row) => row.knee), { x: "x", y: "y", stroke: colour, r: 9 }),
          Plot.text(rows, { x: "x", y: "y", text: "text", dx: 9, dy: -8, textAnchor: "start", fill: "currentColor" }),
        ], rows, Plot.pointer, { x: "x", y: "y" }),
      ],
    });
  },

  // Rectangles side by side on two logarithmic axes. Hatched: with gzip. Grey: no clear winner.
  AreaMap({ areas, labels, x_axis: xAxis, y_axis: yAxis, names }, width) {
    const rows = areas.map(([x, y, series, hatched, clear]) => ({
      x1: x[0], x2: x[1], y1: y[0], y2: y[1], x: Math.sqrt(x[0] * x[1]), y: Math.sqrt(y[0] * y[1]),
      fill: clear ? `url(#${hatched ? "hatched" : "solid"}-${series % SERIES})` : "var(--grid)",
      title: clear ? `${names?.[series] ?? ""}${hatched ? " with gzip" : ""}` : "no clear winner",
    }));
    const xDomain = [Math.min(...rows.map((row) => row.x1)), Math.max(...rows.map((row) => row.x2))];
    const yDomain = [Math.min(...rows.map((row) => row.y1)), Math.max(...rows.map((row) => row.y2))];
    const words = { x: "x", y: "y", text: "text", stroke: "var(--paper)", strokeWidth: 4, fill: "currentColor" };
    return plotted(width, {
      height: 290, marginLeft: 48, marginBottom: 38, marginTop: 26, x: { type: "log", domain: xDomain }, y: { type: "log", domain: yDomain },
      marks: [
        Plot.rect(rows, { x1: "x1", x2: "x2", y1: "y1", y2: "y2", fill: "fill", shapeRendering: "crispEdges" }),
        Plot.axisX({ ...axisTicks(xDomain, "log", width - 60), label: xAxis, labelArrow: "none" }),
        Plot.axisY({ ...axisTicks(yDomain, "log", 220), label: yAxis, labelArrow: "none" }),
        ...tipped([Plot.text(labels.map(([x, y, text]) => ({ x, y, text })), words)], rows, Plot.pointer, { x: "x", y: "y" }),
      ],
    });
  },

  // A row for each factor, its label above it; a band around 1 shows which changes count as none.
  Forest({ effects, band, axis }, width) {
    const values = [...band, ...effects.map((each) => each.value)];
    const ends = effects.flatMap((each) => [each.low, each.high]).filter((each) => each !== null);
    const low = Math.max(Math.min(...values, ...ends), Math.min(...values) / 1.3) * 0.98;
    const high = Math.min(Math.max(...values, ...ends), Math.max(...values) * 1.3) * 1.02;
    const rows = effects.map((each, number) => ({
      ...each, above: number + 0.3, y: number + 0.7, x: Math.min(Math.max(each.value, low), high),
      x1: Math.max(each.low ?? each.value, low), x2: Math.min(each.high ?? each.value, high), title: `${each.label}\n${each.text}`,
    }));
    const cut = rows.flatMap((row) => [
      ...(row.low !== null && row.low < low ? [{ x: low, y: row.y, rotate: -90 }] : []),
      ...(row.high !== null && row.high > high ? [{ x: high, y: row.y, rotate: 90 }] : []),
    ]);
    return plotted(width, {
      height: effects.length * 34 + 44, marginLeft: 8, marginRight: 8, marginTop: 2, marginBottom: 42,
      x: { type: "log", domain: [low, high] }, y: { domain: [0, effects.length], reverse: true, axis: null },
      marks: [
        Plot.rect([band], { x1: band[0], x2: band[1], y1: 0, y2: effects.length, fill: "var(--grid)", fillOpacity: 0.35 }),
        Plot.ruleX([1], { stroke: "currentColor", strokeDasharray: "3 3" }),
        Plot.axisX({ ...axisTicks([low, high], "log", width), label: null, tickSize: 0 }),
        ...tipped([
          Plot.link(rows, { x1: "x1", x2: "x2", y1: "y", y2: "y", stroke: "currentColor", strokeWidth: 2.5, strokeOpacity: 0.75 }),
          ...rows.map((row) => Plot.dot([row], { x: "x", y: "y", r: 5, fill: row.verdict === "inconclusive" ? "var(--paper)" : "currentColor", stroke: "currentColor", ...VERDICT_SYMBOLS[row.verdict] })),
          Plot.dot(cut, { x: "x", y: "y", symbol: "triangle", rotate: "rotate", r: 4, fill: "currentColor" }),
          Plot.text(rows, { x: low, y: "above", text: (row) => shortened(row.label, width - GAP - (row.text.length + 1) * CHARACTER), textAnchor: "start", fill: "currentColor", stroke: "var(--paper)", strokeWidth: 5 }),
          Plot.text(rows, { x: high, y: "above", text: "text", textAnchor: "end", fill: "currentColor", stroke: "var(--paper)", strokeWidth: 5 }),
        ], rows, Plot.pointer, { x: "x", y: "y" }),
        ...axisLabel(axis, 8),
      ],
    });
  },

  // Slices over the time of the run: the median of each bin as a line, the extremes as bars.
  Timeline({ lines, axis, y_domain: domain, names }, width) {
    const rows = lines.flatMap(({ series, points }) => points.map(([x, low, y, high]) => ({
      x, y, low: Math.max(low, domain[0]), high: Math.min(high, domain[1]), series,
      title: `${names?.[series] ?? ""}, ${significant(x)} s\n${significant(y)} (${significant(low)}–${significant(high)})`,
    })));
    return plotted(width, {
      height: 240, marginLeft: 44, marginBottom: 38, marginTop: 26, y: { type: "log", domain },
      marks: [
        Plot.gridY(axisTicks(domain, "log", 180)), Plot.ruleY([1], { stroke: "currentColor", strokeDasharray: "3 3" }),
        Plot.axisX({ label: "time since the run began, s", labelArrow: "none", ticks: Math.floor(width / 90) }),
        Plot.axisY({ ...axisTicks(domain, "log", 180), label: axis, labelArrow: "none" }),
        ...tipped([
          Plot.ruleX(rows, { x: "x", y1: "low", y2: "high", stroke: (row) => seriesColour(row.series), strokeOpacity: 0.45, clip: true }),
          ...lines.map(({ series, points }) => Plot.line(points, { x: (each) => each[0], y: (each) => each[2], stroke: seriesColour(series), strokeWidth: 1.75, strokeDasharray: seriesDash(series), clip: true })),
        ], rows, Plot.pointer, { x: "x", y: "y" }),
      ],
    });
  },

  // Latency over time on a logarithmic axis; failed requests hang from the top, events are vertical lines.
  Events({ moments, marks, axis, y_domain: domain, series }, width) {
    const [bottom, top] = domain, colour = seriesColour(series);
    const within = (value) => Math.min(Math.max(value, bottom), top);
    const most = Math.max(1, ...moments.map(([, , , , failed]) => failed));
    const hanging = (failed) => top / (top / bottom) ** (0.05 + 0.3 * (failed / most));
    const rows = moments.map(([x, p50, p99, highest, failed]) => ({
      x, y: within(p50 ?? top), p99, highest, failed,
      title: `${significant(x)} s\n${p50 === null ? "no successful request" : `p50 ${significant(p50)}, p99 ${significant(p99)}, max ${significant(highest)}`}${failed ? `\n${failed} failed` : ""}`,
    }));
    const line = (at, options) => Plot.line(moments, { x: (each) => each[0], y: (each) => each[at], stroke: colour, clip: true, ...options });
    return plotted(width, {
      height: 230, marginLeft: 44, marginBottom: 38, marginTop: 26, y: { type: "log", domain },
      marks: [
        Plot.gridY(axisTicks(domain, "log", 180)),
        Plot.axisX({ label: "time since the load began, s", labelArrow: "none", ticks: Math.floor(width / 90) }),
        Plot.axisY({ ...axisTicks(domain, "log", 180), label: axis, labelArrow: "none" }),
        Plot.ruleX(marks, { x: (each) => each[0], stroke: "var(--quiet)", strokeDasharray: "3 3" }),
        Plot.text(marks, { x: (each) => each[0], y: bottom, text: (each) => each[1], dx: 3, dy: -6, textAnchor: "start", fill: "var(--quiet)", fontSize: 11 }),
        ...tipped([
          Plot.ruleX(rows.filter((row) => row.failed), { x: "x", y1: (row) => hanging(row.failed), y2: top, stroke: "var(--alarm)", strokeWidth: 3 }),
          line(3, { strokeOpacity: 0.45, strokeDasharray: "1 3" }), line(2, { strokeDasharray: "7 3" }), line(1, { strokeWidth: 1.75 }),
        ], rows, Plot.pointer, { x: "x", y: "y" }),
      ],
    });
  },

  // One value from run to run. A line for each set of runs under the same conditions; shaded: where runs of the same code are expected.
  Trend({ lines, levels, changes, breaks, runs, times_s: times, series, y_domain: domain }, width) {
    const overTime = times.length > 0, [bottom, top] = domain, colour = seriesColour(series);
    const spread = overTime ? (times[times.length - 1] - times[0]) * 1000 || 3.6e6 : runs.length, half = overTime ? spread / 200 : 0.4;
    const at = (run) => (overTime ? times[run] * 1000 : run + 1);
    const within = (value) => Math.min(Math.max(value, bottom), top);
    const marked = new Map([...breaks, ...changes].map(([run, text]) => [run, `\n${text}`]));
    const rows = lines.flatMap((points) => points.map(([run, value, low, high, several]) => ({
      x: at(run), y: within(value), low: within(low ?? value), high: within(high ?? value), several,
      title: `${runs[run]}\n${significant(value)}${low === null ? "" : ` (${significant(low)}–${significant(high)})`}${marked.get(run) ?? ""}`,
    })));
    const bands = levels.map(([first, last, value, low, high]) => ({
      x1: at(first) - half, x2: at(last) + half, y: within(value), y1: within(low ?? value), y2: within(high ?? value),
    }));
    const shifts = changes.map(([run, text]) => ({ x: overTime ? at(run) : at(run) - 0.5, text }));
    const radius = runs.length > 60 ? 1.5 : 3;
    const domainX = overTime ? [at(0) - half, at(runs.length - 1) + half] : [0.4, runs.length + 0.6];
    const named = { ticks: Math.max(2, Math.floor(width / 85)), label: null, tickSize: 0 };
    const axisX = overTime ? named : { ...named, tickFormat: (number) => (Number.isInteger(number) ? runs[number - 1]?.slice(0, 7) : "") };
    return plotted(width, {
      height: overTime ? 184 : 170, marginLeft: 44, marginRight: 8, marginBottom: overTime ? 36 : 22, marginTop: 18,
      x: { type: overTime ? "utc" : "linear", domain: domainX }, y: { type: "log", domain },
      marks: [
        Plot.gridY({ ticks: evenTicks(domain, 4) }),
        Plot.rect(bands, { x1: "x1", x2: "x2", y1: "y1", y2: "y2", fill: "var(--grid)", fillOpacity: 0.4 }),
        Plot.link(bands, { x1: "x1", x2: "x2", y1: "y", y2: "y", stroke: "var(--quiet)", strokeDasharray: "4 3" }),
        Plot.ruleX(breaks.map(([run]) => at(run) - half * 1.25), { stroke: "var(--quiet)", strokeDasharray: "1 3" }),
        Plot.ruleX(shifts, { x: "x", stroke: "currentColor" }),
        Plot.axisX(axisX),
        Plot.axisY({ ticks: evenTicks(domain, 4), text: plain, label: null, tickSize: 0 }),
        ...tipped([
          Plot.ruleX(rows, { x: "x", y1: "low", y2: "high", stroke: colour, strokeOpacity: 0.45 }),
          ...lines.map((points) => Plot.line(points, { x: (each) => at(each[0]), y: (each) => within(each[1]), stroke: colour, strokeWidth: 1.5 })),
          Plot.dot(rows, { x: "x", y: "y", symbol: seriesSymbol(series), r: radius, stroke: colour, fill: (row) => (row.several ? colour : "var(--paper)") }),
          Plot.text(shifts, { x: "x", text: "text", frameAnchor: "top", dy: -12, textAnchor: "middle", fill: "currentColor" }),
        ], rows, Plot.pointer, { x: "x", y: "y" }),
      ],
    });
  },
};

// The name of the x axis, at the left edge of the chart where it has room, whatever the margins.
function axisLabel(text, marginLeft) {
  return [Plot.text([text], { frameAnchor: "bottom-left", dx: -marginLeft + 4, dy: 38, text: (each) => each, textAnchor: "start", fill: "var(--quiet)", lineAnchor: "bottom" })];
}

function draw(container, kind, plot) {
  const width = Math.floor(container.clientWidth);
  if (width < 50) return null;
  const drawn = drawings[kind](plot, Math.max(width, 260));
  for (const group of drawn.querySelectorAll("[aria-label]")) group.removeAttribute("aria-label");
  drawn.setAttribute("aria-hidden", "true");
  container.replaceChildren(drawn);
  return drawn;
}

// The first screen: controls, one chart and one table. What is shown is a function of `data` (bench/report/explorer.py) and of
// the state, which is the fragment of the page's address.
const ROUND_TRIPS_US = [0, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 40000, 80000, 160000, 300000];
const RATES_MBIT = [null, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1];
const ALL = "both", OWN = "own", VERDICT_MARKS = { faster: "▼", slower: "▲", same: "=", inconclusive: "?" };
const BETTER = { true: "lower is better", false: "higher is better" };

function rttText(us) {
  return us && us < 1000 ? `${us} µs` : `${us / 1000} ms`;
}

// As `bench advise` takes it.
function rttWord(us) {
  return us < 1000 ? `${us}us` : `${us / 1000}ms`;
}

function rateText(mbit) {
  return mbit === null ? "unlimited" : mbit >= 1000 ? `${mbit / 1000} Gbit/s` : `${mbit} Mbit/s`;
}

function linkOf(state) {
  const mbit = RATES_MBIT[state.down], us = ROUND_TRIPS_US[state.rtt];
  return { rtt_ns: us * 1000, bits_per_second: mbit === null ? null : mbit * 1e6, isLoopback: us === 0 && mbit === null };
}

function startState(data) {
  const chosen = Object.fromEntries(data.controls.map((each) => [each.name, each.all_at_once ? ALL : each.values[0]]));
  return { ...chosen, measure: data.measures[0].key, baseline: String(data.baseline), show: "absolute", sort: "order", rtt: 0, down: 0 };
}

// The values that each part of the state may have; what a link says besides is ignored.
function allowed(data) {
  const controls = data.controls.map((each) => [each.name, [...each.values, ...(each.all_at_once ? [ALL] : [])]]);
  return {
    ...Object.fromEntries(controls), measure: data.measures.map((each) => each.key),
    baseline: [...data.series.map((_, number) => String(number)), OWN], show: ["absolute", "relative"], sort: ["order", "value", "ratio", "samples"],
  };
}

function stateOf(fragment, data) {
  const state = startState(data), given = new URLSearchParams(fragment.replace(/^#/, ""));
  for (const [name, values] of Object.entries(allowed(data))) if (values.includes(given.get(name))) state[name] = given.get(name);
  const rtt = ROUND_TRIPS_US.findIndex((us) => rttWord(us) === given.get("rtt"));
  const down = RATES_MBIT.findIndex((mbit) => mbit !== null && `${mbit}mbit` === given.get("down"));
  return { ...state, rtt: Math.max(0, rtt), down: Math.max(0, down) };
}

function fragmentOf(state, data) {
  const start = startState(data), words = new URLSearchParams();
  for (const name of Object.keys(allowed(data))) if (state[name] !== start[name]) words.set(name, state[name]);
  if (state.rtt) words.set("rtt", rttWord(ROUND_TRIPS_US[state.rtt]));
  if (state.down) words.set("down", `${RATES_MBIT[state.down]}mbit`);
  return words.toString();
}

function shownRows(state, data) {
  return data.rows.map((row, number) => ({ ...row, number })).filter((row) =>
    data.controls.every((control, place) => state[control.name] === ALL || control.values[row.at[place]] === state[control.name]));
}

// The row that another is compared with: the baseline series at equal settings, or its own series without gzip and TLS.
function baselineOf(row, state, data) {
  const own = state.baseline === OWN;
  const at = row.at.map((value, place) => (own && data.controls[place].all_at_once ? 0 : value));
  const series = own ? row.series : Number(state.baseline);
  return data.rows.findIndex((each) => each.series === series && each.at.every((value, place) => value === at[place]));
}

function measuredRatio(first, second, measure, data) {
  const forwards = data.pairs.find((pair) => pair[0] === first && pair[1] === second && pair[2] === measure.key);
  const backwards = data.pairs.find((pair) => pair[0] === second && pair[1] === first && pair[2] === measure.key);
  const found = forwards ?? backwards;
  if (found) {
    const [, , , value, low, high, verdict, word] = found;
    return forwards ? { value, low, high, verdict, word } : inverse({ value, low, high, verdict, word });
  }
  const [ours, theirs] = [first, second].map((number) => data.rows[number].values[measure.key]);
  return ours && theirs ? { value: ours[0] / theirs[0], low: null, high: null, verdict: null, word: "" } : null;
}

function gapBetween(first, second, data) {
  const forwards = data.gaps.find((gap) => gap[0] === first && gap[1] === second);
  if (forwards) return forwards.slice(2);
  const backwards = data.gaps.find((gap) => gap[0] === second && gap[1] === first);
  return backwards ? [-backwards[2], ...[backwards[4], backwards[3]].map((each) => (each === null ? null : -each))] : null;
}

// What the table and the chart show, in their order, with every number as text.
function viewOf(state, data) {
  const measure = data.measures.find((each) => each.key === state.measure), link = linkOf(state);
  const isPredicted = measure.predictable && !link.isLoopback;
  const rows = shownRows(state, data).map((row) => {
    const measured = row.values[measure.key];
    if (!measured || (isPredicted && !row.exchange)) return null;
    const [value, low, high, samples, isBound] = measured;
    const found = isPredicted ? predicted(row.exchange, link) : { value, low, high };
    const base = baselineOf(row, state, data);
    let ratio = base < 0 || base === row.number ? null : measuredRatio(row.number, base, measure, data);
    if (ratio && isPredicted) {
      const other = data.rows[base].exchange;
      ratio = other && predictedRatio(row.exchange, other, gapBetween(row.number, base, data), link, data);
    }
    return { ...row, ...found, samples, isBound, ratio, isBaseline: base === row.number, predicted: isPredicted };
  }).filter(Boolean);
  const ladder = data.ladders[measure.ladder];
  const unit = isPredicted ? ladder[2] : measure.exact ? ladder[0] : chosenUnit(ladder, rows.map((row) => row.value));
  for (const row of rows) row.text = texts(row, unit, measure);
  const by = { value: (row) => row.value, ratio: (row) => row.ratio?.value ?? 1, samples: (row) => row.samples }[state.sort];
  if (by) rows.sort((one, other) => by(one) - by(other));
  return { measure, unit, rows, isPredicted, link, payloads: new Set(rows.map((row) => row.payload_bytes)) };
}

function texts(row, [, size], measure) {
  const [value, low, high] = [row.value, row.low, row.high].map((each) => (each === null ? null : each / size));
  const number = measure.exact ? rounded(value, 0) : significant(value);
  return {
    value: `${row.predicted ? "≈ " : row.isBound ? "≥ " : ""}${number}`, interval: interval(low, high, value),
    ratio: row.isBaseline ? "baseline" : row.ratio ? `${ratioValue(row.ratio)}×` : MISSING,
    ratioInterval: row.ratio ? ratioInterval(row.ratio) : "",
    verdict: row.ratio?.verdict ? row.ratio.word || row.ratio.verdict : "", samples: row.samples.toLocaleString("en-US"),
  };
}

function baselineName(state, data) {
  return state.baseline === OWN ? "itself, plain" : data.series[Number(state.baseline)];
}

function headings(view, state, data) {
  const unit = view.unit[0] === "requests/s" ? "requests/s" : `${view.measure.text.split(",")[0]}, ${view.unit[0]}`;
  return ["configuration", `${unit}${view.isPredicted ? ", predicted" : ""}`, `× ${baselineName(state, data)}`, "n"];
}

function captionOf(view, state, data) {
  const fixed = data.controls.filter((each) => state[each.name] !== ALL)
    .map((each) => (each.all_at_once ? `${each.heading} ${state[each.name]}` : each.texts[each.values.indexOf(state[each.name])]));
  const link = view.isPredicted ? [`predicted for ${rttText(ROUND_TRIPS_US[state.rtt])} RTT, ${rateText(RATES_MBIT[state.down])}`] : [];
  return [view.measure.text, ...fixed, ...link].join("; ");
}

function asRows(view) {
  return view.rows.map((row) => [
    row.name, `${row.text.value}${row.text.interval && ` (${row.text.interval})`}`,
    `${row.text.ratio}${row.text.ratioInterval && ` (${row.text.ratioInterval})`}${row.text.verdict && ` ${row.text.verdict}`}`, row.text.samples,
  ]);
}

function asMarkdown(view, state, data) {
  const escaped = (text) => text.replace(/[\\`*_{}[\]<>|#~$]/g, "\\$&").replace(/[\r\n]+/g, " ");
  const line = (texts) => `| ${texts.map(escaped).join(" | ")} |`;
  return [`**${escaped(captionOf(view, state, data))}**`, "", line(headings(view, state, data)), "| --- | ---: | ---: | ---: |", ...asRows(view).map(line), ""].join("\n");
}

function asCsv(view, state, data) {
  const quoted = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = /^[=+\-@]/.test(text) && typeof value === "string" ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const columns = ["protocol", "variant", "measure", "unit", "predicted", "value", "low", "high", "baseline", "ratio", "ratio_low", "ratio_high", "verdict", "n"];
  const size = view.unit[1], scaled = (each) => (each === null ? null : Number((each / size).toPrecision(6)));
  const rows = view.rows.map((row) => [
    data.series[row.series], row.variant, captionOf(view, state, data), view.unit[0], row.predicted, ...[row.value, row.low, row.high].map(scaled),
    baselineName(state, data), row.ratio?.value, row.ratio?.low, row.ratio?.high, row.text.verdict, row.samples,
  ]);
  return [columns, ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

function chartOf(view, state, data) {
  const relative = state.show === "relative", factor = relative ? 1 : view.unit[1];
  const dots = view.rows.map((row) => {
    const from = relative ? row.ratio ?? { value: row.isBaseline ? 1 : null, low: null, high: null } : row;
    return {
      label: row.name, series: row.series, predicted: row.predicted, value: from.value === null ? null : from.value / factor,
      low: from.low === null ? null : from.low / factor, high: from.high === null ? null : from.high / factor,
      text: relative ? row.text.ratio : row.text.value, title: readout(row, view, state, data),
    };
  }).filter((dot) => dot.value !== null);
  const values = dots.map((dot) => dot.value);
  const scale = relative || (Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) >= 8) ? "log" : "linear";
  const better = BETTER[view.measure.lower_is_better], name = view.measure.text.split(",")[0];
  const unit = view.unit[0] === name ? "" : `, ${view.unit[0]}`;
  const axis = relative ? `${name} × ${baselineName(state, data)} (${better})` : `${name}${unit}${scale === "log" ? ", log" : ""} (${better})`;
  return { dots, axis, scale, reference: relative ? 1 : null };
}

function readout(row, view, state, data) {
  const { value, interval: range, ratio, ratioInterval: ratioRange, verdict, samples } = row.text;
  const compared = row.isBaseline ? "baseline" : `${ratio} ${baselineName(state, data)}${ratioRange && ` (${ratioRange})`} ${verdict}`;
  return [row.name, `${value} ${view.unit[0]}${range && ` (${range})`}`, compared.trim(), `n = ${samples}${row.predicted ? ", predicted" : ""}`].join("\n");
}

// The fastest in the view, in one sentence, as far as the verdicts carry it.
function predictionSentence(view, state, data) {
  const [best, ...others] = [...view.rows].sort((one, other) => one.value - other.value);
  if (!best) return "";
  const where = `${rttText(ROUND_TRIPS_US[state.rtt])} RTT${RATES_MBIT[state.down] === null ? "" : ` and ${rateText(RATES_MBIT[state.down])}`}`;
  const close = others.filter((row) => {
    const gap = gapBetween(row.number, best.number, data);
    return gap && predictedRatio(row.exchange, best.exchange, gap, view.link, data).verdict !== "slower";
  });
  const value = `${significant(best.value / view.unit[1])} ${view.unit[0]}`;
  const named = close.length === 1 ? close[0].name : `${close.length} others`;
  const found = close.length ? `has the lowest median, ${value}, without a clear difference from ${named}` : `is fastest, ${value}`;
  const last = others.at(-1), spread = last ? `; ${last.name} takes longest, ${significant(last.value / best.value)}×` : "";
  return `Predicted for ${where}: ${best.name} ${found}${spread}. Error of the model: ±${Math.round(data.model_error * 100)} %.`;
}

// With the number that `bench advise` needs to say the same.
function adviseCommand(view, state, data) {
  const [payload] = view.payloads, mbit = RATES_MBIT[state.down], tls = state.tls === "on" ? " --tls" : "";
  return `${data.program} advise --run RUN.json --payload ${Math.round(payload)}B --rtt ${rttWord(ROUND_TRIPS_US[state.rtt])}${mbit === null ? "" : ` --down ${mbit}mbit`}${tls}`;
}

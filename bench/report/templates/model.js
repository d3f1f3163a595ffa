// The model of bench/model/predict.py and choices.py, for open connections. A link has `rtt_ns` and `bits_per_second`, which
// is null where it is unlimited. tests/browser compares every value with the Python code.
const BITS = 8e9;

function pacedNs(bytes, bitsPerSecond) {
  return bitsPerSecond === null ? 0 : (bytes * BITS) / bitsPerSecond;
}

function networkNs([, , , requestBytes, responseBytes], link) {
  return link.rtt_ns + pacedNs(requestBytes, link.bits_per_second) + pacedNs(responseBytes, link.bits_per_second);
}

function predicted(exchange, link) {
  const added = networkNs(exchange, link);
  const [value, low, high] = exchange.slice(0, 3).map((each) => (each === null ? null : each + added));
  return { value, low, high };
}

// The latency of one row divided by that of another. `gap`: their difference on loopback, paired within rounds.
function predictedRatio(first, second, gap, link, { model_error: error, margin, restarted }) {
  const base = predicted(second, link).value;
  const exact = networkNs(first, link) - networkNs(second, link);
  if (gap === null) return { value: predicted(first, link).value / base, low: null, high: null, verdict: null, word: "" };
  const [value, low, high] = gap.map((each) => (each === null ? null : 1 + (each + exact) / base));
  if (low === null || high === null) return { value, low, high, verdict: "inconclusive", word: "" };
  const [least, most] = [Math.max(0, low), Math.max(0, high)];
  const found = { value, low: least / (1 + error), high: most * (1 + error), verdict: "inconclusive", word: "" };
  const within = least >= 1 / (1 + margin) && most <= 1 + margin;
  if (restarted) found.verdict = within ? "same" : found.high < 1 ? "faster" : found.low > 1 ? "slower" : found.verdict;
  return found;
}

function inverse({ value, low, high, verdict, word }) {
  const turned = { faster: "slower", slower: "faster" };
  return { value: 1 / value, low: high ? 1 / high : null, high: low ? 1 / low : null, verdict: turned[verdict] ?? verdict, word };
}

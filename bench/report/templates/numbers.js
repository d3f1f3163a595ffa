// Numbers as text, as bench/report/units.py writes them: one unit for a column, three significant digits.
const DIGITS = 3, FAR = 10, RATIO_DECIMALS_AT_MOST = 5, MISSING = "–";

// Rounds the exact value and not its shortest decimal, and half to even, as Python does.
function roundedNumber(value, decimals) {
  if (decimals >= 0) {
    const exact = value.toFixed(decimals + 60), cut = exact.length - 60;
    const isHalf = /^50*$/.test(exact.slice(cut)), kept = exact.slice(0, cut);
    return Number(isHalf && /[02468]\.?$/.test(kept) ? kept : value.toFixed(decimals));
  }
  const scaled = value / 10 ** -decimals, nearest = Math.round(scaled);
  return (Math.abs(scaled % 1) === 0.5 && nearest % 2 ? nearest - 1 : nearest) * 10 ** -decimals;
}

function rounded(value, decimals) {
  const [whole, fraction] = roundedNumber(value, decimals).toFixed(Math.max(0, decimals)).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction ? `.${fraction}` : "");
}

// How many decimals make three significant digits; a carry is taken into account.
function decimalsOf(value) {
  const decimals = DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)));
  return DIGITS - 1 - Math.floor(Math.log10(Math.abs(roundedNumber(value, decimals))));
}

function isExtreme(value) {
  return Math.abs(value) < 1e-6 || Math.abs(value) >= 1e12;
}

function significant(value) {
  if (value === 0) return "0";
  return isExtreme(value) ? value.toExponential(DIGITS - 1) : rounded(value, decimalsOf(value));
}

// The largest unit that does not exceed the geometric mean of the smallest and the largest value.
function chosenUnit(ladder, values) {
  const known = values.filter((value) => value > 0 && value < Infinity);
  if (!known.length) return ladder[0];
  const middle = Math.sqrt(Math.min(...known)) * Math.sqrt(Math.max(...known));
  return ladder.filter(([, size]) => size <= middle).at(-1) ?? ladder[0];
}

function end(value, beside) {
  if (isExtreme(value) || beside === 0) return significant(value);
  const text = rounded(value, decimalsOf(beside));
  return /[1-9]/.test(text) ? text : significant(value);
}

function interval(low, high, beside) {
  return low === null || high === null ? "" : `${end(low, beside)}–${end(high, beside)}`;
}

// Enough decimals that no end of the interval is rounded onto 1, because that is where the verdict is decided.
function ratioDecimals({ value, low, high }) {
  let decimals = value > 0 ? Math.max(0, Math.min(RATIO_DECIMALS_AT_MOST, decimalsOf(value))) : 2;
  const ends = [low, high].filter((each) => each !== null && each !== 1);
  while (decimals < RATIO_DECIMALS_AT_MOST && ends.some((each) => roundedNumber(each, decimals) === 1)) decimals += 1;
  return decimals;
}

function asRatio(value, decimals) {
  return value >= 1e-3 && value < 1e4 ? rounded(value, decimals) : significant(value);
}

function ratioValue(ratio) {
  return asRatio(ratio.value, ratioDecimals(ratio));
}

function ratioInterval(ratio) {
  if (ratio.low === null || ratio.high === null) return "";
  const near = (each) => ratio.value / FAR < each && each < ratio.value * FAR;
  const text = (each) => (near(each) ? asRatio(each, ratioDecimals(ratio)) : significant(each));
  return `${text(ratio.low)}–${text(ratio.high)}`;
}

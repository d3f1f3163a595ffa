// What the page does: fills the first screen, draws charts when they come into view, and makes wide tables reachable.
const byId = (id) => document.getElementById(id);
const json = (id) => JSON.parse(byId(id)?.textContent ?? "null");

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function explore(data) {
  for (const row of data.rows) row.name = row.variant === "plain" ? data.series[row.series] : `${data.series[row.series]} ${row.variant}`;
  let state = stateOf(location.hash, data), view = null, selected = -1;
  const form = byId("controls"), chart = byId("chart"), said = byId("readout");

  function fillTable() {
    const texts = headings(view, state, data), keys = ["order", "value", "ratio", "samples"];
    byId("view-caption").textContent = captionOf(view, state, data);
    const cells = texts.map((text, place) => {
      const sorted = state.sort === keys[place];
      const button = element("button", { type: "button", "data-sort": keys[place] }, text);
      return element("th", { scope: "col", class: place ? null : "text", "aria-sort": sorted && place ? "ascending" : null }, button);
    });
    byId("view-head").replaceChildren(element("tr", {}, ...cells));
    byId("view-body").replaceChildren(...view.rows.map((row) => {
      const { value, interval: range, ratio, ratioInterval: ratioRange, verdict, samples } = row.text;
      const small = (text) => (text ? [" ", element("span", { class: "interval" }, text)] : []);
      const mark = verdict ? [" ", element("b", { class: "verdict" }, `${VERDICT_MARKS[row.ratio.verdict]} ${verdict}`)] : [];
      return element("tr", {},
        element("th", { scope: "row" }, element("i", { class: `mark shape-${seriesShape(row.series)}`, style: `background: ${seriesColour(row.series)}` }), ` ${data.series[row.series]} `, element("span", { class: "variant" }, row.variant)),
        element("td", {}, value, ...small(range)),
        element("td", {}, ratio, ...small(ratioRange), ...mark),
        element("td", {}, samples));
    }));
  }

  function fillControls() {
    for (const field of form.elements) {
      if (!field.name) continue;
      if (field.type === "radio") field.checked = state[field.name] === field.value;
      else field.value = state[field.name];
    }
    const texts = { rtt: rttText(ROUND_TRIPS_US[state.rtt]), down: rateText(RATES_MBIT[state.down]) };
    for (const [name, text] of Object.entries(texts)) {
      if (!form.elements[name]) continue;
      form.elements[name].setAttribute("aria-valuetext", text);
      byId(`${name}-text`).textContent = text;
      form.elements[name].disabled = !view.measure.predictable || !view.rows.some((row) => row.exchange) && view.link.isLoopback;
    }
  }

  function drawChart() {
    if (!view.rows.length) {
      chart.replaceChildren(element("p", {}, "No such configuration was measured."));
      return;
    }
    const drawn = draw(chart, "Intervals", chartOf(view, state, data));
    drawn?.addEventListener("input", () => { said.textContent = (drawn.value?.title ?? "").replaceAll("\n", " · "); });
  }

  function update() {
    view = viewOf(state, data);
    selected = -1;
    said.textContent = "";
    fillControls();
    fillTable();
    drawChart();
    const prediction = byId("prediction");
    prediction.textContent = view.isPredicted ? predictionSentence(view, state, data) : "";
    byId("advise").textContent = view.isPredicted && view.payloads.size === 1 ? adviseCommand(view, state, data) : "";
    document.documentElement.classList.toggle("is-predicted", view.isPredicted);
  }

  function change(changes) {
    state = { ...state, ...changes };
    const fragment = fragmentOf(state, data);
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
    update();
  }

  form.addEventListener("input", ({ target }) => {
    if (target.name) change({ [target.name]: target.type === "range" ? Number(target.value) : target.value });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", () => change(startState(data)));
  byId("view").addEventListener("click", ({ target }) => {
    const key = target.dataset?.sort;
    if (!key) return;
    change({ sort: key });
    byId("view-head").querySelector(`[data-sort="${key}"]`).focus();
  });
  for (const [id, make] of [["copy-markdown", asMarkdown], ["copy-csv", asCsv]]) {
    byId(id).addEventListener("click", () => copy(make(view, state, data)));
  }
  // The arrow keys go through the rows of the chart and say what hovering shows.
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !view.rows.length) return;
    event.preventDefault();
    const from = selected < 0 && step < 0 ? 0 : selected;
    selected = (from + step + view.rows.length) % view.rows.length;
    [...byId("view-body").rows].forEach((row, number) => row.classList.toggle("selected", number === selected));
    said.textContent = readout(view.rows[selected], view, state, data).replaceAll("\n", " · ");
  });
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    state = stateOf(location.hash, data);
    update();
  });
  update();
  return drawChart;
}

async function copy(text) {
  const done = byId("copied");
  try {
    await navigator.clipboard.writeText(text);
    done.textContent = "Copied.";
  } catch {
    const area = element("textarea", { "aria-label": "Text to copy" });
    area.value = text;
    document.body.append(area);
    area.select();
    done.textContent = document.execCommand("copy") ? "Copied." : "Copying is not allowed here.";
    area.remove();
  }
}

function chartsBelow(plots) {
  const drawn = new Map();
  const containers = [...document.querySelectorAll("[data-plot]")];
  const show = (container) => {
    const width = container.clientWidth;
    if (!width || drawn.get(container) === width) return;
    const { kind, plot } = plots[Number(container.dataset.plot)];
    draw(container, kind, plot);
    drawn.set(container, width);
  };
  return () => containers.forEach(show);
}

// A table that is wider than its place can be scrolled with the keyboard, and says so.
function markScrolling() {
  for (const place of document.querySelectorAll(".wide")) {
    const scrolls = place.scrollWidth > place.clientWidth + 1;
    place.classList.toggle("scrolls", scrolls);
    if (scrolls) place.setAttribute("tabindex", "0");
    else place.removeAttribute("tabindex");
  }
}

// Runs the charting library, which stands in the page packed. The page's policy names its digest, so no other code would run.
async function runLibrary() {
  const packed = Uint8Array.from(atob(byId("library").textContent), (character) => character.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  document.head.append(element("script", {}, await new Response(unpacked).text()));
}

await runLibrary();
// A section that the address names is unfolded.
function unfold() {
  if (!location.hash.includes("=")) byId(decodeURIComponent(location.hash.slice(1)))?.closest("details")?.setAttribute("open", "");
}

document.documentElement.classList.replace("static", "live");
const data = json("explorer-data");
const redraw = data ? explore(data) : () => {};
const drawBelow = chartsBelow(json("plot-data") ?? []);
const settle = () => { drawBelow(); markScrolling(); };
for (const details of document.querySelectorAll("details")) details.addEventListener("toggle", settle);
addEventListener("hashchange", unfold);
unfold();
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  redraw();
  settle();
});
addEventListener("beforeprint", () => { redraw(); settle(); });
settle();

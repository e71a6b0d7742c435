// Which view, of which pipeline, in which colours.
import { airflowLink } from "./airflow.js";
import { element, message } from "./dom.js";
import { Refusal, address, ask, link, refresh } from "./data.js";
import { showChart } from "./chart.js";
import { showCoverage } from "./coverage.js";
import { showDay } from "./day.js";
import { showExchanges } from "./exchanges.js";
import { showExplain } from "./explain.js";
import { showFreshness } from "./freshness.js";
import { showRun } from "./run.js";

const VIEWS = { coverage: ["Coverage", showCoverage], chart: ["Chart", showChart], explain: ["Explain", showExplain], exchanges: ["Exchanges", showExchanges], freshness: ["Freshness", showFreshness], run: ["Run", showRun], day: [null, showDay] };
const place = document.getElementById("view");

// In Airflow's frame its own choice applies, elsewhere that of the system.
function followTheme() {
  const outer = window.parent === window ? null : window.parent.document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    const dark = outer ? outer.classList.contains("dark") : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    if (outer) blendIn(window.parent.getComputedStyle(window.parent.document.body).backgroundColor);
    document.dispatchEvent(new Event("theme"));
  };
  set();
  if (outer) new MutationObserver(set).observe(outer, { attributeFilter: ["class"] });
  else system.addEventListener("change", set);
}

// Airflow's own background, if it has one.
function blendIn(background) {
  if (!/^rgba?\(/.test(background) || /, 0\)$/.test(background)) return;
  document.documentElement.style.setProperty("--page", background);
}

function choosePipeline(pipelines) {
  const wanted = address.get("pipeline");
  const dag = address.get("dag");
  if (wanted) return pipelines.find(({ name }) => name === wanted);
  if (dag) return pipelines.find(({ dag_ids: ids }) => ids.includes(dag));
  return pipelines[0];
}

function showChoice(pipelines, chosen) {
  const select = document.getElementById("pipeline");
  select.replaceChildren(...pipelines.map(({ name }) => element("option", { value: name, selected: name === chosen?.name }, name)));
  if (!chosen) select.prepend(element("option", { selected: true, disabled: true }, "choose one"));
  document.getElementById("pipeline-choice").hidden = pipelines.length < 2 && Boolean(chosen);
  select.addEventListener("change", () => location.assign(link({ pipeline: select.value, view: address.get("view") })));
}

function showNavigation(view) {
  const shown = { symbol: address.get("symbol") };
  document.getElementById("views").replaceChildren(...Object.entries(VIEWS).filter(([, [title]]) => title).map(([name, [title]]) =>
    element("a", { href: link({ view: name, ...(["chart", "explain"].includes(name) ? shown : {}) }), "aria-current": name === (view === "day" ? "coverage" : view) && "page" }, title)));
}

// Where the data is stored, and a warning if it is simulated.
function showAbout({ bucket, simulated }) {
  const about = document.getElementById("about");
  about.hidden = false;
  about.replaceChildren(simulated ? element("strong", { class: "simulated" }, "SIMULATED") : "", ` bucket ${bucket}`);
}

function noPipeline(pipelines) {
  if (!pipelines.length) return message("bad", "You may not see any pipeline.", "This needs the permission to read the pipeline's DAGs: ask your Airflow administrator.");
  if (address.get("dag")) return message("plain", `${address.get("dag")} is not a DAG of a candle pipeline.`, "Choose a pipeline above.");
  return message("bad", `There is no pipeline ${address.get("pipeline")} that you may see.`, "Choose one above.");
}

const CURES = {
  busy: ["The page is busy with other requests.", "Try again in a few seconds."],
  defect: ["The page failed.", "The log of Airflow's API server has the traceback."],
  no_answer: ["InfluxDB does not answer.", "The page shows what is stored there. Start InfluxDB, check host, port and schema of the connection influxdb_default, and refresh this page."],
  bucket_missing: ["The bucket does not exist yet.", "The first run of the pipeline creates it: unpause its DAGs, or check the setting influxdb_bucket."],
  settings: ["A setting or a connection is wrong.", "Correct it and refresh this page."],
};

export function trouble(error) {
  if (!(error instanceof Refusal)) return message("bad", "The page has failed.", String(error));
  if (error.kind in CURES) return message("bad", CURES[error.kind][0], CURES[error.kind][1], error.message);
  if (error.status === 401 || (error.status === 403 && /token/i.test(error.message))) return message("bad", "You are signed out.", signIn());
  if (error.status === 400) return message("bad", "The address of this page is not valid.", error.message);
  return message("bad", `HTTP ${error.status}`, error.message);
}

// The sign-in leads back to where the reader was.
function signIn() {
  const here = new URL(window.parent.location.href);
  return airflowLink(`../api/v2/auth/login?${new URLSearchParams({ next: here.pathname + here.search })}`, "Sign in to Airflow");
}

function unknownView(view) {
  const known = Object.entries(VIEWS).map(([name, [title]]) => element("a", { class: "button", href: link({ view: name }) }, title ?? name));
  return message("bad", `There is no view “${view}”.`, "There are:", element("p", { class: "bar" }, known));
}

// Views of the present state: they refresh while they are visible.
const LIVE = ["coverage", "exchanges", "freshness"];
const REFRESH_MS = 90000;
let chosen;

async function show() {
  const { pipelines } = await ask("api/pipelines");
  chosen = choosePipeline(pipelines);
  showChoice(pipelines, chosen);
  if (!chosen) return place.replaceChildren(noPipeline(pipelines));
  address.set("pipeline", chosen.name);
  showAbout(chosen);
  const view = address.get("view") ?? "coverage";
  showNavigation(view);
  if (!Object.hasOwn(VIEWS, view)) return place.replaceChildren(unknownView(view));
  document.title = [VIEWS[view][0] ?? "Day", address.get("symbol"), chosen.name, "Candles"].filter(Boolean).join(" · ");
  place.replaceChildren(element("p", { class: "quiet" }, "Loading …"));
  await VIEWS[view][1](place, chosen);
  if (LIVE.includes(view)) setInterval(() => again(view), REFRESH_MS);
  return undefined;
}

// Not while something is selected, typed or to be confirmed: that would be lost.
async function again(view) {
  const busy = place.contains(document.activeElement) || place.querySelector(".card button");
  if (document.visibilityState !== "visible" || busy) return;
  await attempt(() => redraw(view));
}

async function redraw(view) {
  const [page, map] = [scrollY, place.querySelector(".map")?.scrollTop ?? 0];
  const shadow = element("div");
  await VIEWS[view][1](shadow, chosen);
  place.replaceChildren(...shadow.childNodes);
  scrollTo(0, page);
  if (place.querySelector(".map")) place.querySelector(".map").scrollTop = map;
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    place.replaceChildren(trouble(error));
    if (!(error instanceof Refusal)) console.error(error);
  }
}

followTheme();
document.getElementById("refresh").addEventListener("click", () => {
  refresh();
  const view = address.get("view") ?? "coverage";
  if (chosen && Object.hasOwn(VIEWS, view)) attempt(() => redraw(view));
  else location.reload();
});
await attempt(show);
place.setAttribute("aria-busy", "false");

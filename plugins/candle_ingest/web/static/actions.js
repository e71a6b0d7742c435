// Start runs from the page, through Airflow's REST API and with the rights of the signed-in user.
import { count, counted, element, iso, message } from "./dom.js";
import { Refusal, ask } from "./data.js";
import { runLink } from "./airflow.js";

const part = encodeURIComponent;
const DAY_MS = 86400000;
const MAX_NAMES = 8;
const MAX_DAYS = 92;

// What is chosen on the map, and a run that would fetch it; nothing starts without confirmation.
export function runOffer(pipeline, data, pairs, start, end) {
  const place = element("div", { class: "card" });
  const refetch = element("input", { type: "checkbox" });
  const wanted = () => ({ symbols: pairs.map((pair) => data.tickers[pair] ?? pair), names: pairs, start, end: Math.min(end, Date.now()), refetch: refetch.checked });
  const offer = () => place.replaceChildren(
    element("p", {}, element("b", {}, "Chosen: "), inWords(wanted())),
    element("label", {}, refetch, "also refetch stored candles"),
    element("p", { class: "bar" }, element("button", { type: "button", onclick: () => question(place, pipeline, wanted(), offer) }, "Fetch these days …")));
  offer();
  return place;
}

// Asks for confirmation in `place`, starts the run, and shows the result.
export function question(place, pipeline, wanted, back) {
  const dag = pipeline.dag_ids[0];
  const again = element("button", { type: "button", onclick: back }, "Cancel");
  if (wanted.end - wanted.start > MAX_DAYS * DAY_MS) {
    place.replaceChildren(message("warn", `That is more than ${MAX_DAYS} days.`, `Use Backfill in Airflow for ${dag}: it makes one run for each day, and each can be rerun alone.`, element("p", { class: "bar" }, again)));
    return;
  }
  const start = element("button", { type: "button", class: "main", onclick: () => carryOut(place, dag, wanted, back) }, `Start a run of ${dag}`);
  place.replaceChildren(element("p", {}, `A ${wanted.dry ? "dry run" : "run"} of ${dag} would fetch and merge ${inWords(wanted)} from ${pipeline.exchanges.join(", ")}.`), element("p", { class: "bar" }, start, again));
  start.focus();
}

// Offers to retry what is unobtainable: by a run of the repair DAG, as only DAGs write.
export function retryButton(pipeline, pair, symbol) {
  const [dag, place] = [pipeline.dag_ids[2], element("span")];
  const ask_ = element("button", { type: "button", onclick: () => confirm() }, "Retry what is unobtainable …");
  const back = () => place.replaceChildren(ask_);
  const confirm = () => {
    const start = element("button", { type: "button", class: "main", onclick: () => create(place, dag, { symbols: [symbol], retry_unobtainable: true }, back) }, `Start a run of ${dag}`);
    place.replaceChildren(element("div", { class: "message" }, element("p", {}, `A run of ${dag} would request all unobtainable candles of ${pair} again.`), element("p", { class: "bar" }, start, element("button", { type: "button", onclick: back }, "Cancel"))));
    start.focus();
  };
  back();
  return place;
}

function carryOut(place, dag, { symbols, start, end, refetch, dry }, back) {
  return create(place, dag, { symbols, start: `${iso(start)}Z`, end: `${iso(end)}Z`, refetch: Boolean(refetch), ...(dry ? { run_mode: "dry" } : {}) }, back);
}

async function create(place, dag, conf, back) {
  try {
    const run = await post(`../api/v2/dags/${part(dag)}/dagRuns`, { logical_date: null, conf });
    const { is_paused: paused } = await ask(`../api/v2/dags/${part(dag)}`);
    place.replaceChildren(message(paused ? "warn" : "good", `Run ${run.dag_run_id} is created.`, paused ? `It starts when ${dag} is unpaused.` : "The map shows its result when it is done.", runLink({ dag_id: dag, run_id: run.dag_run_id })));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    place.replaceChildren(refused(dag, error), element("p", { class: "bar" }, element("button", { type: "button", onclick: back }, "Back")));
  }
}

function inWords({ names, start, end }) {
  const shown = names.slice(0, MAX_NAMES).join(", ") + (names.length > MAX_NAMES ? ` and ${count(names.length - MAX_NAMES)} more` : "");
  const days = Math.ceil((end - start) / DAY_MS);
  return `${shown || "all symbols in Redis"}, ${iso(start).replace("T", " ")} to ${iso(end).replace("T", " ")} UTC (${counted(days, "day")})`;
}

function refused(dag, error) {
  if (error.status === 403) return message("bad", `You may not start runs of ${dag}.`, "This needs the permission to create DAG runs: ask your Airflow administrator.");
  if (error.status === 401) return message("bad", "You are signed out.", "Sign in to Airflow and try again.");
  if (error.status === 404) return message("bad", `Airflow has no DAG ${dag}.`, "The DAG processor reads it from the dags folder: is it running?");
  return message("bad", "Airflow has not started the run.", error.message);
}

const post = (path, body) => ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

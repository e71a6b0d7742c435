// Runs that are started from the page, through Airflow's REST API and with the rights of whoever has signed in.
import { count, element, iso, message } from "./dom.js";
import { Refusal, ask } from "./data.js";
import { runLink } from "./airflow.js";

const part = encodeURIComponent;
const DAY_MS = 86400000;
const MOST_NAMES = 8;
const LONGEST_DAYS = 92;

// What is chosen on the map, and a run that would fetch it; nothing starts before the question is answered.
export function runOffer(pipeline, data, pairs, start, end) {
  const days = Math.round((end - start) / DAY_MS);
  const names = pairs.slice(0, MOST_NAMES).join(", ") + (pairs.length > MOST_NAMES ? ` and ${count(pairs.length - MOST_NAMES)} more` : "");
  const what = `${names}: ${iso(start).slice(0, 10)}${days > 1 ? ` to ${iso(end - 1).slice(0, 10)}` : ""} (${count(days)} ${days > 1 ? "days" : "day"}, UTC)`;
  const place = element("div", { class: "card" });
  const refetch = element("input", { type: "checkbox" });
  const first = [
    element("p", {}, element("b", {}, "Chosen: "), what),
    element("label", {}, refetch, "also ask again for what is stored"),
  ];
  if (days > LONGEST_DAYS) {
    place.append(...first.slice(0, 1), element("p", { class: "quiet" }, `For more than ${LONGEST_DAYS} days use Backfill in Airflow: it makes one run a day.`));
    return place;
  }
  const dag = pipeline.dag_ids[0];
  const question = () => {
    const yes = element("button", { type: "button", class: "main", onclick: () => start_() }, `Start a run of ${dag}`);
    const no = element("button", { type: "button", onclick: () => offer() }, "Cancel");
    place.replaceChildren(element("p", {}, `A run of ${dag} would fetch and merge ${what} from ${pipeline.exchanges.join(", ")}.`), element("p", { class: "bar" }, yes, no));
    yes.focus();
  };
  const offer = () => place.replaceChildren(...first, element("p", { class: "bar" }, element("button", { type: "button", onclick: question }, "Fetch these days …")));
  const start_ = async () => {
    const conf = { symbols: pairs.map((pair) => data.tickers[pair] ?? pair), start: `${iso(start)}Z`, end: `${iso(Math.min(end, Date.now()))}Z`, refetch: refetch.checked };
    try {
      const run = await post(`../api/v2/dags/${part(dag)}/dagRuns`, { logical_date: null, conf });
      const { is_paused: paused } = await ask(`../api/v2/dags/${part(dag)}`);
      place.replaceChildren(message(paused ? "warn" : "good", `Run ${run.dag_run_id} is created.`, paused ? `It starts when ${dag} is unpaused.` : "The map shows its result once it is done.", runLink({ dag_id: dag, run_id: run.dag_run_id })));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      place.replaceChildren(refused(dag, error));
    }
  };
  offer();
  return place;
}

function refused(dag, error) {
  if (error.status === 403) return message("bad", `You may not start runs of ${dag}.`, "It needs the right to create DAG runs: ask whoever administers Airflow.");
  if (error.status === 401) return message("bad", "You are signed out.", "Sign in to Airflow and try again.");
  return message("bad", "Airflow has not started the run.", error.message);
}

export const post = (path, body) => ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// A form that starts one run: symbols are chosen from those in Redis, and times are UTC.
import { count, counted, element, iso, message } from "./dom.js";
import { question } from "./actions.js";
import { address, api } from "./data.js";

const DAY_MS = 86400000;
const MAX_SHOWN = 200;
const MOMENT = "\\d{4}-\\d\\d-\\d\\d( \\d\\d:\\d\\d)?";

export async function showRun(place, pipeline) {
  const { pairs, tickers, redis_problem: problem } = await api(pipeline, "symbols");
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const chosen = new Set(pairs.filter((pair) => pair === address.get("symbol")));
  const tally = element("p", { class: "quiet", "aria-live": "polite" });
  const list = element("div", { class: "choices", role: "group", "aria-label": "Symbols" });
  const search = element("input", { type: "search", placeholder: "Filter symbols", "aria-label": "Filter symbols" });
  const fields = { start: moment("start", today - DAY_MS), end: moment("end", today) };
  const [refetch, dry] = [element("input", { type: "checkbox" }), element("input", { type: "checkbox" })];
  const answer = element("div", { "aria-live": "polite" });

  const tell = () => { tally.textContent = chosen.size ? `${count(chosen.size)} of ${counted(pairs.length, "symbol")} chosen` : `None chosen: what Redis lists, ${counted(pairs.length, "symbol")}.`; };
  const choice = (pair) => element("label", {}, element("input", { type: "checkbox", checked: chosen.has(pair), onchange: ({ target }) => { if (target.checked) chosen.add(pair); else chosen.delete(pair); tell(); } }), pair);
  const show = () => {
    const fitting = pairs.filter((pair) => pair.includes(search.value.trim().toUpperCase()));
    list.replaceChildren(...fitting.slice(0, MAX_SHOWN).map(choice), fitting.length > MAX_SHOWN ? element("p", { class: "quiet" }, `and ${count(fitting.length - MAX_SHOWN)} more: filter to see them`) : "");
  };
  const submit = (event) => {
    event.preventDefault();
    const [start, end] = [fields.start, fields.end].map(({ value }) => Date.parse(`${value.trim().replace(" ", "T")}${value.trim().length === 10 ? "T00:00" : ""}Z`));
    if (!(start < end)) return answer.replaceChildren(message("bad", "The end is not after the start.", "Write times such as 2026-11-16 or 2026-11-16 08:30."));
    const names = pairs.filter((pair) => chosen.has(pair));
    return question(answer, pipeline, { symbols: names.map((pair) => tickers[pair]), names, start, end, refetch: refetch.checked, dry: dry.checked }, () => answer.replaceChildren());
  };
  search.addEventListener("input", show);
  place.replaceChildren(
    element("h2", {}, `Start one run of ${pipeline.dag_ids[0]}`),
    element("p", {}, "One run fetches one range, here and now, with your own rights. For weeks or years use Backfill on the DAG's page in Airflow: it makes one run for each day, and each can be rerun alone."),
    problem ? message("warn", "The list of symbols cannot be read from Redis.", problem) : "",
    element("form", { class: "run", onsubmit: submit },
      element("div", { class: "bar" }, element("label", {}, "from (UTC)", fields.start), element("label", {}, "to (UTC), not included", fields.end)),
      element("div", { class: "bar" }, search), list, tally,
      element("div", { class: "bar" }, element("label", {}, refetch, "also refetch stored candles"), element("label", {}, dry, "dry run: write nothing"), element("button", { class: "main" }, "Continue …"))),
    answer);
  show();
  tell();
}

const moment = (name, ms) => element("input", { name, value: iso(ms).slice(0, 10), pattern: MOMENT, required: true, size: 17, title: "2026-11-16 or 2026-11-16 08:30, UTC", placeholder: "2026-11-16 08:30" });

// Airflow's own pages and its REST API, with the rights of whoever has signed in.
import { element, message } from "./dom.js";
import { Refusal, ask } from "./data.js";

const part = encodeURIComponent;

export function runLink(task) {
  return airflowLink(`../dags/${part(task.dag_id)}/runs/${part(task.run_id)}`, "Run in Airflow");
}

export function taskLink(task) {
  const mapped = task.map_index < 0 ? "" : `/mapped/${task.map_index}`;
  const path = `../dags/${part(task.dag_id)}/runs/${part(task.run_id)}/tasks/${part(task.task_id)}${mapped}`;
  return airflowLink(path, "Task and log");
}

// Airflow shows this page in a frame that may not navigate the window around it: a link of that window may.
function airflowLink(path, text) {
  const address = new URL(path, location.href).href;
  const open = (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const outer = window.parent.document.createElement("a");
    outer.href = address;
    outer.click();
  };
  return element("a", { href: address, onclick: open }, text);
}

// Asks first how many tasks it would be: nothing is cleared by one click.
export function clearButton(task) {
  const place = element("span");
  const start = element("button", { type: "button", onclick: () => offer() }, "Clear failed tasks of this run …");
  place.append(start);
  const offer = () => attempt(async () => {
    const { total_entries: total } = await clear(task, true);
    if (!total) return place.replaceChildren(message("plain", "This run has no failed task.", "It may have been cleared already; the next repair run also asks again for what is open."));
    const yes = element("button", { type: "button", class: "main", onclick: () => carryOut() }, `Clear ${total} task${total > 1 ? "s" : ""}`);
    const no = element("button", { type: "button", onclick: () => place.replaceChildren(start) }, "Leave them");
    place.replaceChildren(element("div", { class: "message" }, element("p", {}, `${total} failed task instances of ${task.run_id} would run again.`), element("p", { class: "bar" }, yes, no)));
    yes.focus();
  });
  const carryOut = () => attempt(async () => {
    const { total_entries: total } = await clear(task, false);
    place.replaceChildren(message("good", `${total} tasks are cleared.`, "The scheduler runs them again. Load this page anew in a minute."));
  });
  const attempt = async (work) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      place.replaceChildren(refusal(task, error));
    }
  };
  return place;
}

function refusal(task, error) {
  if (error.status === 403) return message("bad", `You may not clear tasks of ${task.dag_id}.`, "It needs the right to edit the task instances of this DAG: ask whoever administers Airflow.");
  if (error.status === 401) return message("bad", "You are signed out.", "Sign in to Airflow and try again.");
  if (error.status === 404) return message("bad", "Airflow does not know this run any more.", "Run the interval again, or wait for the repair run.");
  return message("bad", "Airflow has not cleared the tasks.", error.message);
}

function clear(task, dryRun) {
  const body = { dag_run_id: task.run_id, only_failed: true, dry_run: dryRun, reset_dag_runs: true };
  return ask(`../api/v2/dags/${part(task.dag_id)}/clearTaskInstances`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
}

// Links to Airflow's own pages, and clearing through its REST API, with the rights of the signed-in user.
import { counted, element, message } from "./dom.js";
import { Refusal, ask } from "./data.js";

const part = encodeURIComponent;
const MAX_TASKS = 6;
// The characters of Airflow's run ids; an id of dots alone would lead up in a path.
const RUN_ID = /^(?!\.+$)[\w.~:+-]{1,250}$/;

export function runLink(task) {
  return RUN_ID.test(task.run_id) && airflowLink(`../dags/${part(task.dag_id)}/runs/${part(task.run_id)}`, "Run in Airflow");
}

export function taskLink(task) {
  const mapped = task.map_index < 0 ? "" : `/mapped/${part(task.map_index)}`;
  const path = `../dags/${part(task.dag_id)}/runs/${part(task.run_id)}/tasks/${part(task.task_id)}${mapped}`;
  return task.task_id && RUN_ID.test(task.run_id) && airflowLink(path, "Task and log");
}

// Airflow shows this page in a frame that may not navigate the window around it, but a link in that window may.
export function airflowLink(path, text) {
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

// Asks for confirmation, naming DAG, run and tasks: a single click clears nothing, and no click clears other pipelines.
export function clearButton(task, pipeline) {
  if (!pipeline.dag_ids.includes(task.dag_id) || !RUN_ID.test(task.run_id)) return null;
  const place = element("span");
  const start = element("button", { type: "button", onclick: () => offer() }, "Clear failed tasks of this run …");
  place.append(start);
  const offer = () => attempt(async () => {
    const { total_entries: total, task_instances: tasks } = await clear(task, true);
    if (!total) return place.replaceChildren(message("plain", "This run has no failed task.", "It may have been cleared already; the next repair run also retries what is open."));
    const yes = element("button", { type: "button", class: "main", onclick: () => carryOut() }, `Clear ${total} task${total > 1 ? "s" : ""}`);
    const no = element("button", { type: "button", onclick: () => place.replaceChildren(start) }, "Keep them");
    place.replaceChildren(element("div", { class: "message" },
      element("b", {}, `Clear ${counted(total, "failed task instance")}, so that ${total === 1 ? "it runs" : "they run"} again?`),
      element("p", {}, `DAG ${task.dag_id}, run ${task.run_id}:`),
      element("ul", {}, tasks.slice(0, MAX_TASKS).map((one) => element("li", {}, taskName(one))), total > MAX_TASKS ? element("li", {}, `and ${total - MAX_TASKS} more`) : ""),
      element("p", { class: "bar" }, yes, no)));
    return yes.focus();
  });
  const carryOut = () => attempt(async () => {
    const { total_entries: total } = await clear(task, false);
    place.replaceChildren(message("good", `${counted(total, "task")} ${total === 1 ? "is" : "are"} cleared.`, `The scheduler runs ${total === 1 ? "it" : "them"} again. Refresh this page in a minute.`));
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

const taskName = ({ task_id: id, rendered_map_index: label, map_index: index }) => (index < 0 ? id : `${id} [${label ?? index}]`);

function refusal(task, error) {
  if (error.status === 403) return message("bad", `You may not clear tasks of ${task.dag_id}.`, "This needs the permission to edit the task instances of this DAG: ask your Airflow administrator.");
  if (error.status === 401) return message("bad", "You are signed out.", "Sign in to Airflow and try again.");
  if (error.status === 404) return message("bad", "Airflow no longer has this run.", "Run the interval again, or wait for the repair run.");
  return message("bad", "Airflow has not cleared the tasks.", error.message);
}

function clear(task, dryRun) {
  const body = { dag_run_id: task.run_id, only_failed: true, dry_run: dryRun, reset_dag_runs: true };
  return ask(`../api/v2/dags/${part(task.dag_id)}/clearTaskInstances`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
}

// The form at the top of chart and explain, shown even if the symbol is misspelt.
import { element, message } from "./dom.js";
import { Refusal, address, api, link } from "./data.js";

const MAX_SUGGESTIONS = 5;

// The listed pairs, and the one to show: from the address, else the first.
export async function chooseSymbol(pipeline) {
  const { pairs } = await api(pipeline, "symbols");
  return { pairs, symbol: address.get("symbol") ?? pairs[0] ?? "" };
}

// The response of `ask`; if there is no such symbol, a message with similar names, and null.
export async function askForSymbol(place, pairs, symbol, values, ask) {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 400) throw error;
    const near = nearNames(pairs, symbol, values);
    // The similar names are shown as buttons, so the message need not repeat them.
    place.append(message("bad", "That cannot be shown.", near ? error.message.replace(/; did you mean [^?]*\?/, "") : error.message, near));
    return null;
  }
}

// A symbol that Redis does not list may be misspelt; anything that is stored of it is shown.
export function unlisted(pairs, symbol, values) {
  if (!pairs.length || pairs.includes(symbol)) return "";
  return message("warn", `${symbol} is not among the listed symbols.`, nearNames(pairs, symbol, values));
}

function nearNames(pairs, symbol, values) {
  const near = nearest(symbol, pairs);
  return near.length ? element("p", { class: "bar" }, "Did you mean", near.map((pair) => element("a", { class: "button", href: link({ ...values, symbol: pair }) }, pair))) : "";
}

export function nearest(text, pairs) {
  const letters = (name) => name.toUpperCase().replace(/[^A-Z0-9]/g, "");
  const wanted = letters(text);
  const ranked = pairs.map((pair) => [distance(wanted, letters(pair)), pair]).sort(([a], [b]) => a - b);
  return ranked.filter(([steps]) => steps <= Math.max(2, wanted.length / 3)).slice(0, MAX_SUGGESTIONS).map(([, pair]) => pair);
}

// Letters to insert, delete or change (Levenshtein).
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[other.length];
}

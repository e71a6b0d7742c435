// Fields of forms. A form leads to a new address, which can be shared.
import { element } from "./dom.js";
import { link } from "./data.js";

export function form(view, label, ...fields) {
  const submit = (event) => {
    event.preventDefault();
    location.assign(link({ view, ...Object.fromEntries(new FormData(event.target)) }));
  };
  return element("form", { class: "bar", onsubmit: submit }, fields, element("button", { class: "main" }, label));
}

export function symbolField(value, pairs) {
  const list = element("datalist", { id: "pairs" }, pairs.map((pair) => element("option", { value: pair })));
  return element("label", {}, "Symbol", element("input", { name: "symbol", value, list: "pairs", required: true, size: 11 }), list);
}

export const timeField = (name, label, value) =>
  element("label", {}, label, element("input", { type: "datetime-local", name, value, required: true }));

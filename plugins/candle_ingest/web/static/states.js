// The states of a minute, in the same words as in the terminal.

export const STATES = {
  used: { kind: "good", text: "used" },
  excluded: { kind: "warn", text: "left out of the price" },
  present: { kind: "good", text: "candle" },
  quiet: { kind: "good", text: "quiet: no trade" },
  outage: { kind: "good", text: "outage: the exchange had no candle, as two looks confirm" },
  not_listed: { kind: "none", text: "not listed yet" },
  silent: { kind: "warn", text: "silent: not believable yet" },
  rejected: { kind: "bad", text: "rejected: the row cannot be trusted" },
  failed: { kind: "bad", text: "failed: no usable answer" },
  unobtainable: { kind: "bad", text: "unobtainable" },
  not_asked: { kind: "warn", text: "not asked for" },
  "not used": { kind: "none", text: "not used: no longer one of the pipeline's exchanges" },
  "not merged": { kind: "warn", text: "not merged yet" },
};
// In the order of a summary.
export const OPEN_STATES = ["failed", "rejected", "silent", "not_asked"];
export const openOf = (counts) => OPEN_STATES.reduce((sum, name) => sum + (counts[name] ?? 0), 0);

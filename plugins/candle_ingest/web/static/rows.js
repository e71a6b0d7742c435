// The rows of the map: the first come with the overview, others when they are scrolled into view.
import { api } from "./data.js";

const AT_A_TIME = 100;

export class Rows {
  constructor(pipeline, days, overview, changed) {
    Object.assign(this, { pipeline, days, changed, order: overview.pairs, loading: false, wanted: [], failed: null });
    this.known = new Map();
    this.keep(overview.rows);
  }

  get = (pair) => this.known.get(pair);

  keep({ pairs, ...counts }) {
    pairs.forEach((pair, row) => this.known.set(pair, Object.fromEntries(Object.entries(counts).map(([name, values]) => [name, values[row]]))));
  }

  // Requests the missing rows of `pairs`; if the list is not filtered, in blocks that all users share.
  need(pairs, filtered) {
    const missing = pairs.filter((pair) => !this.known.has(pair));
    if (!missing.length) return;
    const block = Math.floor(this.order.indexOf(missing[0]) / AT_A_TIME) * AT_A_TIME;
    this.wanted = filtered ? missing.slice(0, AT_A_TIME) : this.order.slice(block, block + AT_A_TIME);
    if (!this.loading) this.load();
  }

  async load() {
    this.loading = true;
    try {
      while (this.wanted.length) {
        const pairs = this.wanted;
        this.wanted = [];
        this.keep(await api(this.pipeline, "coverage", { pairs: pairs.join(","), days: this.days }));
        this.changed();
      }
    } catch (error) {
      this.changed(error);
    }
    this.loading = false;
  }
}

// The counts of one column of a row.
export const countsOf = (row, column) => Object.fromEntries(Object.entries(row).map(([name, values]) => [name, values[column]]));

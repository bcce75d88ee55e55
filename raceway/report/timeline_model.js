"use strict";
// What <race-timeline> draws: rows of events, and what leads from one to the other.
(() => {
  const parts = (globalThis.raceTimeline ??= {});
  const RANKS = { note: 0, join: 1, start: 1, query: 2, access: 3, write: 4, finding: 5 };
  const SPANS = new Set(["hold", "request", "call"]);

  // The first place in a sorted array whose value is not below what is looked for.
  function lowest(array, value) {
    let low = 0, high = array.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (array[middle] < value) low = middle + 1; else high = middle;
    }
    return low;
  }

  // The name of an actor, with its kind where the name does not say it.
  function nameOf({ name, kind }) {
    const said = ["thread", "main", ""].includes(kind) || name.toLowerCase().startsWith(kind);
    return said ? name : `${kind} ${name}`;
  }

  class Row {
    constructor(type, label, depth, number) {
      Object.assign(this, { type, label, depth, number, events: [] });
    }

    // Sorted by beginning; "reach" is the latest end so far, so that it can be searched.
    finish(model) {
      this.events = Int32Array.from(this.events);
      this.begins = Float64Array.from(this.events, (one) => model.at[one]);
      this.reach = new Float64Array(this.events.length);
      let reach = -Infinity;
      this.events.forEach((one, place) => {
        reach = Math.max(reach, model.at[one] + model.length[one]);
        this.reach[place] = reach;
      });
      return this;
    }

    first(left) { return lowest(this.reach, left); }

    isBusy(left, right) {
      const place = this.first(left);
      return place < this.begins.length && this.begins[place] <= right;
    }
  }

  class Model {
    constructor(document) {
      const { events, texts, kinds } = document;
      this.texts = texts;
      this.kinds = kinds;
      this.findings = document.findings;
      this.omitted = document.omitted;
      this.processes = document.processes;
      this.count = events.at.length;
      this.at = Float64Array.from(events.at);
      this.length = Float64Array.from(events.length);
      for (const name of ["kind", "actor", "name", "detail", "value", "place", "held"]) {
        this[name] = Int32Array.from(events[name]);
      }
      this.other = events.other;
      this.ms = events.ms ?? null;
      this.actors = document.actors.map(([name, kind, process, parent, began, ended]) =>
        ({ name: texts[name], kind: texts[kind], process, parent, began, ended }));
      this.begin = this.count ? this.at[0] : 0;
      this.end = this.begin + 1;
      for (let one = 0; one < this.count; one++) {
        this.end = Math.max(this.end, this.at[one] + this.length[one] + 1);
      }
      this._rank(document.reads);
      this._order(document.orders);
      this._rows(document.locks);
    }

    kindOf(one) { return this.kinds[this.kind[one]]; }
    isSpan(one) { return SPANS.has(this.kindOf(one)); }
    nameOf(one) { return this.texts[this.name[one]]; }

    _rank(reads) {
      const reading = new Set(reads);
      this.rank = new Uint8Array(this.count);
      this.findingOf = new Map();
      const access = this.kinds.indexOf("access");
      const writes = this.texts.map((text) => !reading.has(text));
      for (let one = 0; one < this.count; one++) {
        const plain = RANKS[this.kinds[this.kind[one]]] ?? 0;
        this.rank[one] = this.kind[one] === access && writes[this.detail[one]] ? RANKS.write : plain;
      }
      this.findings.forEach((finding, number) => finding.events.forEach((one) => {
        if (!this.findingOf.has(one)) this.findingOf.set(one, []);
        this.findingOf.get(one).push(number);
        if (!this.isSpan(one)) this.rank[one] = RANKS.finding;
      }));
    }

    _order(orders) {
      this.orderKind = orders.map((order) => order[0]);
      this.from = Int32Array.from(orders, (order) => order[1]);
      this.to = Int32Array.from(orders, (order) => order[2]);
      this.outgoing = new Map();
      this.incoming = new Map();
      this.from.forEach((one, number) => {
        for (const [map, key] of [[this.outgoing, one], [this.incoming, this.to[number]]]) {
          if (!map.has(key)) map.set(key, []);
          map.get(key).push(number);
        }
      });
    }

    _rows(locks) {
      const ofActor = this.actors.map((actor, number) =>
        new Row("actor", nameOf(actor), actor.parent >= 0 ? 1 : 0, number));
      const ofLock = new Map(locks.map(([number, name, process]) =>
        [number, Object.assign(new Row("lock", this.texts[name], 0, number), { process })]));
      const hold = this.kinds.indexOf("hold");
      for (let one = 0; one < this.count; one++) {
        const row = this.kind[one] === hold ? ofLock.get(this.other[one]) : ofActor[this.actor[one]];
        row?.events.push(one);
      }
      const children = this.actors.map(() => []);
      this.actors.forEach((actor, number) => {
        if (actor.parent >= 0) children[actor.parent].push(number);
      });
      this.rows = [];
      this.processes.forEach((process, place) => {
        this.rows.push(new Row("process", process.name, 0, place));
        this.actors.forEach((actor, number) => {
          if (actor.process !== place || actor.parent >= 0) return;
          this.rows.push(ofActor[number], ...children[number].map((child) => ofActor[child]));
        });
        for (const row of ofLock.values()) if (row.process === place) this.rows.push(row);
      });
      for (const row of this.rows) {
        row.finish(this);
        row.hasBand = row.type === "actor" && row.events.some((one) => this.isSpan(one));
      }
      this.rowOf = new Int32Array(this.count).fill(-1);
      this.rows.forEach((row, number) => row.events.forEach((one) => { this.rowOf[one] = number; }));
    }

    // Names of variables, those used most first.
    variables() {
      const access = this.kinds.indexOf("access");
      const counts = new Map();
      for (let one = 0; one < this.count; one++) {
        if (this.kind[one] === access) {
          counts.set(this.name[one], (counts.get(this.name[one]) ?? 0) + 1);
        }
      }
      return [...counts].sort((one, two) => two[1] - one[1]).map(([name]) => name);
    }

    // The row of one variable: who accesses it, whoever that is.
    variableRow(name) {
      const access = this.kinds.indexOf("access");
      const row = new Row("variable", this.texts[name], 0, name);
      for (let one = 0; one < this.count; one++) {
        if (this.kind[one] === access && this.name[one] === name) row.events.push(one);
      }
      return row.finish(this);
    }

    // The next event of a row, or the one before.
    beside(row, one, by) {
      const place = row.events.indexOf(one) + by;
      return place >= 0 && place < row.events.length ? row.events[place] : one;
    }

    // Milliseconds since the first event, where that is known.
    timeAt(position) {
      if (!this.ms || !this.count) return null;
      return this.ms[Math.min(this.count - 1, lowest(this.at, position))];
    }

    describe(one) {
      const kind = this.kindOf(one);
      const name = this.nameOf(one), detail = this.texts[this.detail[one]];
      if (kind === "access") return `${detail} ${name}`;
      if (kind === "hold") return `holds ${name}`;
      if (kind === "start" || kind === "join") return `${kind}s ${name}`;
      return `${kind === "note" ? "" : kind} ${name} ${detail}`.trim();
    }
  }

  Object.assign(parts, { Model, RANKS, lowest });
})();

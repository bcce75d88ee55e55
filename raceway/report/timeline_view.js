"use strict";
// Draws a model on a canvas: which rows, from where to where.
(() => {
  const parts = (globalThis.raceTimeline ??= {});
  const { RANKS } = parts;
  const AXIS = 24;
  const HEIGHTS = { process: 24, actor: 26, lock: 22, variable: 26 };
  const BAND = 18;  // of requests and calls, above what is done in them
  const MOST_ARROWS = 300;
  const COLOURS = ["ink", "dim", "edge", "card", "page", "code", "link", "critical", "warning",
    "info", "good"];
  const OF_RANK = ["dim", "dim", "good", "info", "warning", "critical"];
  const FONT = "12px system-ui, sans-serif";

  // The colours of the page as it is now: light or dark.
  function colours(host) {
    const probe = document.createElement("span");
    probe.hidden = true;
    host.append(probe);
    const found = {};
    for (const name of COLOURS) {
      probe.style.color = `var(--${name})`;
      found[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    return found;
  }

  function shorten(context, text, width) {
    if (context.measureText(text).width <= width) return text;
    let low = 0, high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(text.slice(0, middle) + "…").width <= width) low = middle;
      else high = middle - 1;
    }
    return low ? text.slice(0, low) + "…" : "";
  }

  class View {
    constructor(canvas, model) {
      this.canvas = canvas;
      this.model = model;
      this.context = canvas.getContext("2d");
      this.top = 0;             // pixels that the rows are scrolled
      this.selected = -1;
      this.arrows = true;
      this.onlyBusy = model.rows.length > 20;  // so that both sides of a finding are in sight
      this.variable = null;
      this.matches = null;
      this.frame = 0;           // milliseconds that the last drawing took
      this.measure();
      this.fit();
    }

    measure() {
      const box = this.canvas.getBoundingClientRect();
      const ratio = devicePixelRatio || 1;
      this.width = Math.max(1, box.width);
      this.height = Math.max(1, box.height);
      this.gutter = this.width < 560 ? 108 : Math.min(230, Math.max(140, this.width * 0.17));
      this.canvas.width = Math.round(this.width * ratio);
      this.canvas.height = Math.round(this.height * ratio);
      this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.colours = colours(this.canvas.parentElement);
    }

    // ---------------------------------------------------------- where

    get span() { return this.right - this.left; }
    get scale() { return (this.width - this.gutter) / this.span; }
    x(at) { return this.gutter + (at - this.left) * this.scale; }
    at(x) { return this.left + (x - this.gutter) / this.scale; }

    fit() { this.show(this.model.begin - 0.5, this.model.end + 0.5); }

    show(left, right) {
      const { begin, end } = this.model;
      const span = Math.min(Math.max(right - left, 4), Math.max(8, (end - begin) * 1.2 + 2));
      const margin = span * 0.15;
      const middle = (left + right) / 2;
      this.left = Math.min(Math.max(middle - span / 2, begin - margin), end + margin - span);
      this.right = this.left + span;
    }

    zoom(factor, at = (this.left + this.right) / 2) {
      this.show(at - (at - this.left) * factor, at + (this.right - at) * factor);
    }

    pan(by) { this.show(this.left + by, this.right + by); }

    // Shows some events, with something around them.
    focus(events) {
      if (!events.length) return;
      const ats = events.map((one) => this.model.at[one]);
      const low = Math.min(...ats), high = Math.max(...ats) + 1;
      const around = Math.max(6, (high - low) * 0.6);
      this.show(low - around, high + around);
      this.reveal(events[0]);
    }

    // Scrolls the rows so that an event can be seen.
    reveal(one) {
      this.layout();
      const wanted = this.model.rows[this.model.rowOf[one]];
      const place = this.rows.find(({ row }) => row === wanted);
      if (!place) return;
      const space = this.height - AXIS - place.height;
      if (place.y < this.top || place.y - this.top > space) this.top = place.y - space / 2;
    }

    // Which rows there are, and where each begins.
    layout() {
      const { left, right } = this;
      this.rows = [];
      let y = 0;
      const add = (row) => {
        const height = HEIGHTS[row.type] + (row.hasBand ? BAND : 0);
        this.rows.push({ row, y, height });
        y += height;
      };
      if (this.variable) add(this.variable);
      for (const row of this.model.rows) {
        if (row.type === "process" || !this.onlyBusy || row.isBusy(left, right)) add(row);
      }
      this.total = y;
      this.top = Math.max(0, Math.min(this.top, this.total - (this.height - AXIS)));
    }

    // The event at a place of the canvas, or -1.
    hit(x, y) {
      const place = this.rows?.find((one) => y >= one.y - this.top + AXIS
        && y < one.y - this.top + AXIS + one.height);
      if (!place || y < AXIS || x < this.gutter) return -1;
      const { model } = this, { row } = place;
      const near = 5 / this.scale, at = this.at(x);
      const inBand = row.hasBand && y < place.y - this.top + AXIS + BAND;
      let best = -1, closest = Infinity;
      for (let i = row.first(at - Math.max(near, 1)); i < row.events.length; i++) {
        const one = row.events[i];
        if (model.at[one] > at + near) break;
        const end = model.at[one] + Math.max(model.length[one], 1);
        const away = at < model.at[one] ? model.at[one] - at : Math.max(0, at - end);
        if (row.hasBand && model.isSpan(one) !== inBand) continue;
        const rated = away - model.rank[one] * 1e-6;
        if (away <= near && rated < closest) { best = one; closest = rated; }
      }
      return best;
    }

    // ---------------------------------------------------------- drawing

    draw() {
      const begun = performance.now();
      const { context: c, colours: colour, width, height } = this;
      this.layout();
      c.font = FONT;
      c.textBaseline = "middle";
      c.fillStyle = colour.card;
      c.fillRect(0, 0, width, height);
      c.save();
      c.beginPath();
      c.rect(0, AXIS, width, height - AXIS);
      c.clip();
      this.buckets = OF_RANK.map(() => []);
      this.labels = [];
      for (const place of this.rows) {
        const y = place.y - this.top + AXIS;
        if (y + place.height < AXIS || y > height) continue;
        this._row(place.row, y, place.height);
      }
      this._fill();
      this._marks();
      this._arrows();
      c.restore();
      this._gutter();
      this._axis();
      this.frame = performance.now() - begun;
    }

    _row(row, y, height) {
      const { context: c, colours: colour, model } = this;
      c.fillStyle = colour.edge;
      c.globalAlpha = 0.6;
      c.fillRect(0, y + height - 1, this.width, 1);
      c.globalAlpha = 1;
      if (row.type === "process") {
        c.fillStyle = colour.code;
        c.fillRect(0, y, this.width, height - 1);
        return;
      }
      if (row.hasBand) {
        y += BAND;
        height -= BAND;
      }
      if (row.type === "actor") {
        const actor = model.actors[row.number];
        const x = Math.max(this.gutter, this.x(actor.began));
        const end = Math.min(this.width, this.x(actor.ended + 1));
        c.fillStyle = colour.edge;
        c.globalAlpha = 0.55;
        if (end > x) c.fillRect(x, y + height / 2 - 2, end - x, 4);
        c.globalAlpha = 1;
      }
      if (row.type === "lock") this._spans(row, y, height);
      else this._events(row, y, height);
    }

    // Single events: where several share a pixel, the one that matters most is drawn.
    _events(row, y, height) {
      const { model, scale, buckets, matches } = this;
      const { rank, at, name } = model;
      const box = height - 10, tick = Math.max(1.5, Math.min(scale - 2, 220));
      let pixel = -1, best = -1, spans = null;
      let begun = -1, ended = -1, same = -1;
      const write = () => { if (same >= 0) buckets[same].push(begun, y + 5, ended - begun, box); };
      // Pixels beside each other that look the same are one rectangle.
      const flush = () => {
        if (best < 0) return;
        if (best !== same || pixel > ended) {
          write();
          [begun, same] = [pixel, best];
        }
        ended = pixel + tick;
      };
      for (let i = row.first(this.left - 1); i < row.events.length; i++) {
        const one = row.events[i];
        if (at[one] > this.right) break;
        if (model.isSpan(one)) { (spans ??= []).push(one); continue; }
        if (matches && !matches[name[one]]) continue;
        const x = this.x(at[one]);
        if (scale >= 3) {
          buckets[rank[one]].push(x + 1, y + 5, tick, box);
          if (tick > 24) this.labels.push([one, x + 1, y + height / 2, tick]);
          continue;
        }
        if ((x | 0) !== pixel) { flush(); pixel = x | 0; best = -1; }
        if (rank[one] > best) best = rank[one];
      }
      flush();
      write();
      if (spans) this._requests(spans, y - BAND);
    }

    _requests(spans, y) {
      const { context: c, model, colours: colour } = this;
      c.fillStyle = colour.good;
      let pixel = -1;
      for (const one of spans) {
        const x = Math.max(this.gutter, this.x(model.at[one]));
        const end = Math.min(this.width, this.x(model.at[one] + model.length[one] + 1));
        if (end - x < 1 && (x | 0) === pixel) continue;
        pixel = x | 0;
        c.globalAlpha = 0.3;
        c.fillRect(x, y + 3, Math.max(2, end - x), BAND - 2);
        c.globalAlpha = 1;
        c.fillRect(x, y + 3, 1.5, BAND - 2);
        if (end - x > 50) this.labels.push([one, x, y + 3 + BAND / 2, end - x]);
      }
    }

    // Who holds a lock: a colour for each holder.
    _spans(row, y, height) {
      const { context: c, model } = this;
      let pixel = -1;
      for (let i = row.first(this.left); i < row.events.length; i++) {
        const one = row.events[i];
        if (model.at[one] > this.right) break;
        const x = Math.max(this.gutter, this.x(model.at[one]));
        const end = Math.min(this.width, this.x(model.at[one] + Math.max(1, model.length[one])));
        if (end - x < 1 && (x | 0) === pixel) continue;
        pixel = x | 0;
        c.fillStyle = this.tone(model.actor[one]);
        c.globalAlpha = this.matches && !this.matches[model.name[one]] ? 0.2 : 0.75;
        c.fillRect(x, y + 4, Math.max(1.5, end - x - 1), height - 9);
        c.globalAlpha = 1;
        if (end - x > 40) this.labels.push([one, x, y + height / 2, end - x]);
      }
    }

    tone(actor) { return `hsl(${(actor * 137 + 200) % 360} 45% 52%)`; }

    _fill() {
      const { context: c, colours: colour, model } = this;
      this.buckets.forEach((bucket, rank) => {
        c.fillStyle = colour[OF_RANK[rank]];
        for (let i = 0; i < bucket.length; i += 4) {
          const x = Math.max(this.gutter, bucket[i]);
          const width = bucket[i] + bucket[i + 2] - x;
          if (width > 0) c.fillRect(x, bucket[i + 1], width, bucket[i + 3]);
        }
      });
      for (const [one, x, y, width] of this.labels) {
        const span = model.isSpan(one);
        const lock = span && model.kindOf(one) === "hold";
        c.fillStyle = lock ? "#000" : span ? colour.ink : colour.card;
        const text = lock ? model.actors[model.actor[one]]?.name ?? ""
          : span ? model.describe(one) : this._brief(one, width);
        const from = Math.max(x, this.gutter);
        const shown = shorten(c, text, x + width - from - 8);
        if (shown) c.fillText(shown, from + 4, y);
      }
    }

    _brief(one, width) {
      const { model } = this;
      if (model.kindOf(one) !== "access") return model.describe(one);
      const detail = model.texts[model.detail[one]], value = model.texts[model.value[one]];
      const brief = value ? `${detail} ${value}` : detail;
      return width > 130 ? `${brief}  ${model.nameOf(one)}` : brief;
    }

    // The middle of an event on the canvas, or null if its row is not there.
    spot(one) {
      const wanted = this.model.rows[this.model.rowOf[one]];
      const place = this.rows.find(({ row }) => row === wanted);
      if (!place) return null;
      const width = Math.min(this.scale, 220);
      return { x: this.x(this.model.at[one]) + width / 2, half: Math.max(3, width / 2),
        ...this._inside(place, one) };
    }

    // Where in its row an event is drawn.
    _inside({ row, y, height }, one) {
      const top = y - this.top + AXIS;
      if (!row.hasBand) return { y: top + height / 2, height };
      const span = this.model.isSpan(one), below = height - BAND;
      return span ? { y: top + 3 + BAND / 2, height: BAND } : { y: top + BAND + below / 2, height: below };
    }

    _marks() {
      const { context: c, colours: colour, model } = this;
      c.strokeStyle = colour.critical;
      c.lineWidth = 1.5;
      for (const finding of model.findings) {
        const visible = finding.events.filter((one) =>
          model.at[one] + model.length[one] >= this.left && model.at[one] <= this.right);
        const spots = visible.map((one) => this.spot(one)).filter(Boolean);
        for (const { x, y, half, height } of spots) {
          c.strokeRect(x - half - 2, y - height / 2 + 2, 2 * half + 4, height - 5);
        }
      }
      if (this.selected < 0) return;
      const spot = this.spot(this.selected);
      if (!spot) return;
      c.strokeStyle = colour.ink;
      c.lineWidth = 2;
      const long = model.isSpan(this.selected) ? model.length[this.selected] * this.scale : 0;
      c.strokeRect(spot.x - spot.half - 1, spot.y - spot.height / 2 + 1,
        Math.max(2 * spot.half, long) + 2, spot.height - 3);
    }

    _arrows() {
      const { model } = this;
      this.hidden = 0;
      const own = new Set([...(model.outgoing.get(this.selected) ?? []),
        ...(model.incoming.get(this.selected) ?? [])]);
      const shown = [];
      if (this.arrows) {
        for (let i = 0; i < model.from.length; i++) {
          const since = model.at[model.from[i]], at = model.at[model.to[i]];
          if (at >= this.left && since <= this.right) shown.push(i);
        }
        if (shown.length > MOST_ARROWS) { this.hidden = shown.length; shown.length = 0; }
      }
      const where = new Map(this.rows.map((place) => [place.row, place]));
      for (const i of new Set([...shown, ...own])) this._arrow(i, own.has(i), where);
    }

    _arrow(number, strong, where) {
      const { context: c, colours: colour, model } = this;
      const ends = [model.from[number], model.to[number]].map((one) => {
        const place = where.get(model.rows[model.rowOf[one]]);
        return place && { x: this.x(model.at[one]), y: this._inside(place, one).y };
      });
      if (!ends[0] || !ends[1]) return;
      const [from, to] = ends;
      from.x += Math.min(this.scale, 220);
      if (to.x < this.gutter || from.x > this.width) return;
      if (from.x > to.x) from.x = to.x - 2;
      const bend = Math.min(40, Math.max(8, (to.x - from.x) / 2));
      c.strokeStyle = c.fillStyle = strong ? colour.ink : colour.link;
      c.globalAlpha = strong ? 1 : 0.75;
      c.lineWidth = strong ? 2 : 1.2;
      c.setLineDash(model.orderKind[number] === "order" ? [5, 3] : []);
      c.beginPath();
      c.moveTo(from.x, from.y);
      c.bezierCurveTo(from.x + bend, from.y, to.x - bend, to.y, to.x - 5, to.y);
      c.stroke();
      c.setLineDash([]);
      c.beginPath();
      c.moveTo(to.x, to.y);
      c.lineTo(to.x - 7, to.y - 4);
      c.lineTo(to.x - 7, to.y + 4);
      c.fill();
      c.globalAlpha = 1;
    }

    // Names of the rows; above everything that is drawn beside them.
    _gutter() {
      const { context: c, colours: colour, gutter, height } = this;
      for (const { row, y: from, height: tall } of this.rows) {
        const y = from - this.top + AXIS;
        if (y + tall < AXIS || y > height) continue;
        const whole = row.type === "process";
        c.fillStyle = whole ? colour.code : colour.card;
        c.fillRect(0, y, gutter, tall - 1);
        c.fillStyle = row.type === "lock" ? colour.dim : colour.ink;
        c.font = whole || row.type === "variable" ? `600 ${FONT}` : FONT;
        const indent = whole || row.type === "variable" ? 6 : 10 + row.depth * 12;
        const icon = row.type === "lock" ? 14 : 0;
        if (icon) this._padlock(indent, y + tall / 2);
        const room = (whole ? this.width : gutter) - indent - icon - 6;
        c.fillText(shorten(c, row.label, room), indent + icon, y + tall / 2);
      }
      c.font = FONT;
      c.fillStyle = colour.edge;
      c.fillRect(gutter - 1, AXIS, 1, height - AXIS);
      if (this.total > height - AXIS) {
        const part = (height - AXIS) / this.total;
        c.fillStyle = colour.dim;
        c.globalAlpha = 0.6;
        c.fillRect(this.width - 5, AXIS + this.top * part, 4, Math.max(20, (height - AXIS) * part));
        c.globalAlpha = 1;
      }
    }

    _padlock(x, y) {
      const { context: c } = this;
      c.fillRect(x, y - 1, 9, 6);
      c.strokeStyle = c.fillStyle;
      c.lineWidth = 1.4;
      c.beginPath();
      c.arc(x + 4.5, y - 1, 3, Math.PI, 0);
      c.stroke();
    }

    _axis() {
      const { context: c, colours: colour, model } = this;
      c.fillStyle = colour.code;
      c.fillRect(0, 0, this.width, AXIS);
      c.fillStyle = colour.dim;
      const wanted = this.span / Math.max(2, (this.width - this.gutter) / (this.model.ms ? 160 : 110));
      const power = 10 ** Math.floor(Math.log10(Math.max(1, wanted)));
      const step = Math.max(1, [1, 2, 5, 10].map((one) => one * power).find((one) => one >= wanted));
      c.fillText(model.ms ? "event" : "operation", 6, AXIS / 2);
      for (let at = Math.ceil(Math.max(0, this.left) / step) * step; at <= this.right; at += step) {
        const x = this.x(at);
        if (x < this.gutter) continue;
        c.fillRect(x, AXIS - 5, 1, 5);
        const ms = model.timeAt(at);
        const time = ms === null || at < model.begin || at > model.end ? "" : ` +${ms.toFixed(1)} ms`;
        const text = `${at.toLocaleString("en")}${time}`;
        if (x + c.measureText(text).width < this.width) c.fillText(text, x + 3, AXIS / 2 - 1);
      }
      c.fillStyle = colour.edge;
      c.fillRect(0, AXIS - 1, this.width, 1);
    }
  }

  Object.assign(parts, { View, AXIS });
})();

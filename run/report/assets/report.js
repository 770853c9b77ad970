// Draws the charts of a report with uPlot. Each figure.chart has its numbers in a script of
// JSON; lines can be switched off, read out point by point with the mouse or the arrow keys,
// and listed as a table.
(() => {
  "use strict";
  const style = () => getComputedStyle(document.documentElement);
  const color = (name) => style().getPropertyValue(name).trim();
  const plots = [];
  const dark = matchMedia("(prefers-color-scheme: dark)"), print = matchMedia("print");
  const tint = (s) => dark.matches && !print.matches ? s.dark : s.light;
  const mostMarkers = 12; // on a line of many points

  // digits writes a number so that neighbours differ, and no longer.
  function digits(v, chart) {
    if (v == null) return "–";
    if (chart.percent) return (100 * v).toFixed(2) + " %";
    const size = Math.abs(v);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return v.toExponential(2) + chart.unit;
    if (Number.isInteger(v)) return v.toLocaleString("en-US") + chart.unit;
    return v.toFixed(size < 10 ? 4 : size < 1000 ? 2 : 0) + chart.unit;
  }

  function tick(v, chart) {
    if (v == null) return "";
    if (chart.percent) return +(100 * v).toFixed(3) + "%";
    const size = Math.abs(v);
    if (size >= 1e6) return +(v / 1e6).toFixed(2) + "M";
    if (size >= 1e4) return +(v / 1e3).toFixed(2) + "k";
    return (size !== 0 && size < 1e-3 ? v.toExponential(0) : +v.toFixed(4)) + chart.unit;
  }

  // step is the distance of ticks of whole numbers: epochs have no halves.
  const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8];

  class Plot {
    constructor(figure) {
      this.figure = figure;
      this.chart = JSON.parse(figure.querySelector("script").textContent);
      this.box = figure.querySelector(".plot");
      this.readout = figure.querySelector(".readout");
      this.shown = this.chart.series.map(() => true);
      this.log = false;
      this.data = [this.chart.x];
      this.lines = []; // uPlot's index of each series
      this.bands = [];
      for (const s of this.chart.series) {
        this.lines.push(this.data.length);
        this.data.push(s.values);
        if (s.low) {
          this.bands.push({ series: [this.data.length + 1, this.data.length], of: this.lines.length - 1 });
          this.data.push(s.low, s.high);
        }
      }
      figure.querySelectorAll(".toggles [data-series]").forEach((button) =>
        button.addEventListener("click", () => this.toggle(+button.dataset.series, button)));
      figure.querySelector(".log")?.addEventListener("click", (e) => {
        this.log = !this.log;
        e.currentTarget.setAttribute("aria-pressed", this.log);
        this.draw();
      });
      this.box.addEventListener("keydown", (e) => this.key(e));
      this.box.addEventListener("blur", () => this.plot.setCursor({ left: -10, top: -10 }));
      figure.querySelector("details")?.addEventListener("toggle", (e) => this.table(e.currentTarget), { once: true });
      this.draw();
      let width = this.box.clientWidth;
      new ResizeObserver(() => {
        if (this.box.clientWidth === width || this.box.clientWidth === 0) return;
        width = this.box.clientWidth;
        this.plot.setSize({ width, height: this.height() });
      }).observe(this.box);
    }

    height() { return this.chart.bars ? 150 : Math.round(Math.min(280, Math.max(210, this.box.clientWidth * 0.55))); }

    draw() {
      this.plot?.destroy();
      const { chart } = this;
      const ink = color("--soft"), grid = { stroke: color("--grid"), width: 1 };
      const series = [{ label: chart.xLabel }];
      chart.series.forEach((s, i) => {
        const stroke = tint(s);
        const points = { show: !s.marker && chart.x.length < 40, size: 4, fill: stroke, stroke };
        const one = { label: s.name, stroke, width: 2, dash: s.dash, points, show: this.shown[i], spanGaps: true };
        if (chart.bars) Object.assign(one, { paths: uPlot.paths.bars({ size: [1, Infinity], gap: 0 }), fill: stroke, width: 0, points: { show: false } });
        series.push(one);
        if (s.low) {
          const edge = { stroke: "transparent", width: 0, points: { show: false }, show: this.shown[i], spanGaps: true };
          series.push({ label: "", ...edge }, { label: "", ...edge });
        }
      });
      const axes = [
        { stroke: ink, grid: chart.bars ? { show: false } : grid, ticks: { stroke: color("--line"), size: 4 }, size: 26,
          label: chart.xLabel, labelSize: 18, labelGap: 0, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif",
          values: (u, ticks) => ticks.map((v) => tick(v, { unit: "" })), space: 56, ...(chart.whole ? { incrs: wholeSteps } : {}),
          ...(chart.ticks ? { splits: () => chart.x, filter: (u, splits) => splits } : {}) },
        { stroke: ink, grid, ticks: { show: false }, size: chart.bars ? 8 : 54, font: "12px system-ui, sans-serif", show: true,
          values: (u, ticks) => chart.bars ? ticks.map(() => "") : ticks.map((v) => tick(v, chart)), ...(chart.unit === "°" ? { incrs: [15, 30, 45, 90] } : {}) },
      ];
      const range = (u, low, high) => {
        if (this.log) return uPlot.rangeLog(low, high, 10, false);
        if (chart.range) return chart.range;
        if (low == null) return [0, 1];
        const pad = (high - low || Math.abs(high) || 1) * 0.06;
        let bottom = low - pad, top = high + pad;
        if (chart.percent) { bottom = Math.max(0, bottom); top = Math.min(1, Math.max(top, bottom + 1e-3)); }
        if (chart.zero) bottom = 0;
        if (low >= 0) bottom = Math.max(0, bottom);
        return [bottom, top];
      };
      this.plot = new uPlot({
        width: this.box.clientWidth, height: this.height(), series, axes,
        bands: this.bands.map((b) => ({ series: b.series, fill: tint(chart.series[b.of]) + "28" })),
        scales: { x: { time: false, distr: chart.logX ? 3 : 1, range: (u, low, high) => this.span(low, high) },
                  y: this.log ? { distr: 3, range } : { range } },
        legend: { show: false }, padding: [18, 14, 0, 0],
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
        hooks: { draw: [(u) => this.marks(u)], drawSeries: [(u, index) => this.markers(u, this.lines.indexOf(index))], setCursor: [(u) => this.read(u.cursor.idx)] },
      }, this.log ? this.data.map((line, i) => i === 0 ? line : line.map((v) => v > 0 ? v : null)) : this.data, this.box);
      this.plot.root.setAttribute("aria-hidden", "true");
    }

    // span is the x axis: all points, and half a bar more at each end.
    span(low, high) {
      if (low == null) return [0, 1];
      if (this.chart.bars) {
        const half = (high - low) / (2 * (this.chart.x.length - 1));
        return [low - half, high + half];
      }
      return low === high ? [low - 1, high + 1] : [low, high];
    }

    // marks draws the lines that a value stands for: 90 degrees, the floor.
    marks(u) {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = color("--soft");
      ctx.lineWidth = devicePixelRatio;
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic";
      ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
      for (const m of this.chart.marks || []) {
        const across = m.axis === "y";
        const at = Math.round(u.valToPos(m.at, across ? "y" : "x", true));
        if (across ? at < bbox.top || at > bbox.top + bbox.height : at < bbox.left || at > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(across ? bbox.left : at, across ? at : bbox.top);
        ctx.lineTo(across ? bbox.left + bbox.width : at, across ? at : bbox.top + bbox.height);
        ctx.stroke();
        const room = 4 * devicePixelRatio, wide = ctx.measureText(m.label).width;
        if (across) ctx.fillText(m.label, bbox.left + bbox.width - wide - room, at - room);
        else ctx.fillText(m.label, Math.min(bbox.left + bbox.width - wide, Math.max(bbox.left, at - wide / 2)), bbox.top - room);
      }
      ctx.restore();
    }

    // markers draws those of a line. Lines of many points have a few, each line at other points.
    markers(u, i) {
      const s = this.chart.series[i];
      if (!s?.marker || !this.shown[i]) return;
      const { ctx } = u, at = s.values.flatMap((v, k) => v == null || (this.log && v <= 0) ? [] : [k]), path = new Path2D(s.marker);
      const every = Math.ceil(at.length / mostMarkers), size = 4 * devicePixelRatio;
      ctx.save();
      ctx.fillStyle = tint(s);
      for (let k = Math.floor(i * every / 4) % Math.max(1, every); k < at.length; k += every) {
        ctx.setTransform(size, 0, 0, size, u.valToPos(this.chart.x[at[k]], "x", true), u.valToPos(s.values[at[k]], "y", true));
        ctx.fill(path);
      }
      ctx.restore();
    }

    toggle(i, button) {
      if (this.shown[i] && this.shown.filter(Boolean).length === 1) return; // one line stays
      this.shown[i] = !this.shown[i];
      button.setAttribute("aria-pressed", this.shown[i]);
      this.draw();
    }

    read(i) {
      if (i == null) { this.readout.textContent = ""; return; }
      const { chart } = this;
      const parts = chart.series.map((s, k) => this.shown[k] && s.values[i] != null ? `${s.name} ${digits(s.values[i], chart)}` : "").filter(Boolean);
      this.readout.textContent = `${chart.xLabel} ${tickPlain(chart.x[i])}: ${parts.join(" · ") || "nothing"}`;
    }

    key(e) {
      const last = this.chart.x.length - 1, now = this.plot.cursor.idx;
      let i;
      switch (e.key) {
        case "ArrowRight": i = now == null ? 0 : Math.min(last, now + 1); break;
        case "ArrowLeft": i = now == null ? last : Math.max(0, now - 1); break;
        case "Home": i = 0; break;
        case "End": i = last; break;
        default: return;
      }
      e.preventDefault();
      this.plot.setCursor({ left: this.plot.valToPos(this.chart.x[i], "x"), top: 10 });
    }

    table(details) {
      const { chart } = this, table = document.createElement("table");
      const row = (into, cells, tag) => {
        const tr = into.insertRow();
        cells.forEach((text, i) => {
          const cell = document.createElement(i === 0 || tag === "th" ? "th" : "td");
          if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
          cell.textContent = text;
          tr.append(cell);
        });
      };
      row(table.createTHead(), [chart.xLabel, ...chart.series.map((s) => s.name)], "th");
      const body = table.createTBody();
      chart.x.forEach((x, i) => row(body, [tickPlain(x), ...chart.series.map((s) =>
        digits(s.values[i], chart) + (s.low?.[i] != null ? ` (${digits(s.low[i], chart)} to ${digits(s.high[i], chart)})` : ""))], "td"));
      const box = details.querySelector(".tall");
      box.append(table);
    }
  }

  function tickPlain(v) { return Number.isInteger(v) ? v.toLocaleString("en-US") : String(+v.toPrecision(4)); }

  document.querySelectorAll("figure.chart").forEach((figure) => plots.push(new Plot(figure)));
  const redraw = () => plots.forEach((p) => p.draw());
  dark.addEventListener("change", redraw);
  print.addEventListener("change", redraw);

  document.querySelectorAll(".command button").forEach((button) => {
    const text = button.parentElement.querySelector("code");
    button.addEventListener("click", async () => {
      let copied = true;
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(text);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        copied = document.execCommand("copy");
      }
      button.textContent = copied ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  });
})();

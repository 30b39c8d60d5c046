// Plots that can be asked: values where the pointer is, in all plots of a page at once, and another time by dragging over it.
// Without this script the server's pictures show the same.
"use strict";
(() => {
  const drawn = new Map(); // figures, with what uPlot has drawn in them
  const near = 8; // pixels between the pointer and a marker that is named
  let leaving = false;

  // strokes are the looks that the style sheet gives an element of the server's picture.
  const strokes = (element) => {
    const style = getComputedStyle(element);
    const dash = style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(",").map(parseFloat);
    return { color: style.stroke, width: parseFloat(style.strokeWidth), dash };
  };

  const local = (seconds, long) => new Date(seconds * 1000).toLocaleString(undefined, long
    ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }
    : { hour: "2-digit", minute: "2-digit", second: "2-digit" });

  // zoom leads to the page of what was dragged over.
  function zoom(plot) {
    if (leaving || plot.select.width < 10) return;
    const at = (pixels) => new Date(Math.round(plot.posToVal(pixels, "x")) * 1000).toISOString().replace(".000", "");
    const url = new URL(location.href);
    url.searchParams.delete("range");
    url.searchParams.set("from", at(plot.select.left));
    url.searchParams.set("to", at(plot.select.left + plot.select.width));
    if (new Date(url.searchParams.get("to")) - new Date(url.searchParams.get("from")) < 60_000) return;
    leaving = true;
    location.assign(url);
  }

  // describe writes the values where the pointer is beside the names of the lines, and the time and what changed then above.
  function describe(figure, data, plot) {
    const i = plot.cursor.idx;
    const known = i !== null && i !== undefined && plot.cursor.left >= 0;
    const names = figure.querySelectorAll(".legend b.at");
    data.lines.forEach((line, n) => { names[n].textContent = known ? line.texts[i] || "–" : ""; });
    const here = known ? data.markers.filter((m) => Math.abs(plot.valToPos(m.at, "x") - plot.cursor.left) <= near) : [];
    const texts = here.slice(0, 3).map((m) => m.text);
    figure.querySelector("figcaption .at").textContent = known
      ? [local(data.times[i], data.end - data.start > 36 * 3600), ...texts].join(" · ") : "";
  }

  // lines draws levels and markers behind the values, as the server's picture has them.
  function lines(figure, data, plot) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const draw = (like, from, to) => {
      ctx.save();
      ctx.strokeStyle = like.color;
      ctx.lineWidth = like.width * ratio;
      ctx.setLineDash(like.dash.map((d) => d * ratio));
      ctx.beginPath();
      ctx.moveTo(...from);
      ctx.lineTo(...to);
      ctx.stroke();
      ctx.restore();
    };
    const levels = figure.querySelectorAll("svg.plot .level"), markers = figure.querySelectorAll("svg.plot .marker");
    data.levels.forEach((level, n) => {
      const y = plot.valToPos(level, "y", true);
      draw(strokes(levels[n]), [bbox.left, y], [bbox.left + bbox.width, y]);
    });
    data.markers.forEach((marker, n) => {
      const x = plot.valToPos(marker.at, "x", true);
      draw(strokes(markers[n]), [x, bbox.top], [x, bbox.top + bbox.height]);
    });
  }

  function options(figure, data) {
    const soft = getComputedStyle(figure.querySelector("svg.plot .tick")).fill;
    const grid = { stroke: strokes(figure.querySelector("svg.plot .grid")).color, width: 1 };
    const long = data.end - data.start > 36 * 3600;
    const axis = { stroke: soft, font: "12px system-ui, sans-serif", grid, ticks: { show: false } };
    return {
      width: figure.clientWidth, height: 220, legend: { show: false },
      cursor: { sync: { key: "plots", setSeries: false }, drag: { x: true, y: false, setScale: false }, y: false, points: { size: 7 } },
      scales: {
        x: { range: [data.start, data.end] },
        y: { range: [data.low, data.high], ...(data.bend ? { distr: 4, asinh: data.bend } : {}) },
      },
      axes: [
        { ...axis, grid: { show: false }, space: 90, values: (_, all) => all.map((at) => local(at, long)) },
        { ...axis, size: 70, splits: () => data.ticks.map((t) => t.value), values: () => data.ticks.map((t) => t.text) },
      ],
      series: [{}, ...[...figure.querySelectorAll(".legend .line")].map((swatch) => {
        const like = strokes(swatch);
        return { stroke: like.color, width: like.width, dash: like.dash, spanGaps: false, points: { show: data.times.length < 2 } };
      })],
      hooks: {
        drawAxes: [(plot) => lines(figure, data, plot)],
        setCursor: [(plot) => describe(figure, data, plot)],
        setSelect: [zoom],
      },
    };
  }

  function draw(figure, again) {
    const text = figure.dataset.plot;
    const before = drawn.get(figure);
    if (before?.text === text && !again) return;
    const data = JSON.parse(text);
    for (const line of data.lines) line.texts = line.texts.split("|");
    const pointer = before?.plot.cursor;
    before?.plot.destroy();
    const plot = new uPlot(options(figure, data), [data.times, ...data.lines.map((line) => line.values)], figure.querySelector(":scope > .drawn"));
    drawn.set(figure, { plot, text });
    if (pointer?.left >= 0) plot.setCursor({ left: pointer.left, top: pointer.top });
  }

  const figures = (root) => root.querySelectorAll("figure.asked");

  // prepare makes a page look as plots.draw does, so that only what differs is touched.
  function prepare(root) {
    for (const figure of figures(root)) {
      figure.classList.add("live");
      figure.querySelector(":scope > .drawn").hidden = false;
    }
  }

  // plots is used when the page has new values.
  window.plots = {
    prepare,
    draw(again = false) {
      for (const [figure, { plot }] of drawn) {
        if (figure.isConnected && figure.classList.contains("asked")) continue;
        plot.destroy();
        drawn.delete(figure);
      }
      for (const figure of figures(document)) draw(figure, again);
    },
  };

  prepare(document);
  plots.draw();
  new ResizeObserver(() => {
    for (const [figure, { plot }] of drawn) {
      if (plot.width !== figure.clientWidth) plot.setSize({ width: figure.clientWidth, height: 220 });
    }
  }).observe(document.getElementById("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.draw(true));
})();

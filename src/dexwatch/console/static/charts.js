// Time series by uPlot: thresholds, marks, stacked areas, synced cursors, a legend with values.
// Every foreign text is set by textContent.
"use strict";

dexwatch.charts = (() => {
  const charts = new Map();
  const sync = uPlot.sync("board");
  const { formatValue, tick } = dexwatch.values;
  const doubling = Array.from({ length: 50 }, (_, power) => 2 ** power);
  const whole = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((part) => part * 10 ** power)).flat();
  const moments = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800];
  const steps = (unit) => (unit.startsWith("bytes") ? doubling : unit === "blocks" ? whole : undefined);

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (index) => css(`--series-${(index % 8) + 1}`);
  const dash = (index) => (index >= 8 ? [4, 4] : undefined);

  function stacked(columns) {
    const sums = columns[0].map(() => 0);
    return columns.map((column) =>
      column.map((value, at) => (value == null ? (sums[at] || null) : (sums[at] += value))));
  }

  function clock(seconds, width) {
    const at = new Date(seconds * 1000);
    const two = (number) => String(number).padStart(2, "0");
    const exact = dexwatch.values.clock(at);
    if (width < 900) return exact;
    const time = exact.slice(0, 5);
    return width > 172800 ? `${two(at.getDate())}.${two(at.getMonth() + 1)}. ${time}` : time;
  }

  function range(spec) {
    return (plot, low, high) => {
      if (low == null) return [0, 1];
      if (spec.unit === "boolean") return [-0.1, 1.1];
      let bottom = spec.floor == null ? low : Math.min(spec.floor, low);
      let top = high;
      for (const threshold of spec.thresholds) {
        // A threshold that is near belongs into view; a far one would flatten the line.
        if (spec.all) {
          top = Math.max(top, threshold.value);
          bottom = Math.min(bottom, threshold.value);
        }
        if (!threshold.below && threshold.value <= Math.abs(top) * 1.7) top = Math.max(top, threshold.value);
        if (threshold.below && spec.floor == null && threshold.value >= bottom - (1 - bottom) * 2) bottom = Math.min(bottom, threshold.value);
      }
      const room = (top - bottom) * 0.08 || Math.abs(top) * 0.1 || 1;
      if (spec.floor == null) bottom -= room;
      top += room;
      if (spec.unit === "ratio" && high <= 1) top = Math.min(top, 1.02);
      return [bottom, top];
    };
  }

  // Writes words after all lines, on a ground that keeps lines from running through them; a word that would
  // cover an earlier one goes below it.
  function write(ctx, words, px) {
    const written = [];
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    for (const { word, ink, left, y: wished } of words) {
      const right = left + ctx.measureText(word).width;
      const covers = (y) => written.some((other) =>
        left < other.right + 4 * px && other.left < right + 4 * px && Math.abs(other.y - y) < 13 * px);
      let y = wished;
      while (covers(y)) y += px;
      written.push({ left, right, y });
      ctx.globalAlpha = 0.85;
      ctx.fillStyle = css("--card");
      ctx.fillRect(left - 2 * px, y - 12 * px, right - left + 4 * px, 12 * px);
      ctx.globalAlpha = 1;
      ctx.fillStyle = ink;
      ctx.fillText(word, left, y);
    }
  }

  function annotate(spec) {
    return (plot) => {
      const { ctx, bbox } = plot;
      const px = devicePixelRatio;
      const right = bbox.left + bbox.width;
      const words = [];
      const stroke = (ink, dashes, from, to) => {
        ctx.strokeStyle = ink;
        ctx.setLineDash(dashes);
        ctx.beginPath();
        ctx.moveTo(...from);
        ctx.lineTo(...to);
        ctx.stroke();
      };
      ctx.save();
      ctx.lineWidth = px;
      ctx.font = `${10 * px}px ${css("--font")}`;
      let before = -Infinity;
      for (const { value, level, text } of spec.thresholds.toSorted((one, other) => other.value - one.value)) {
        if (value < plot.scales.y.min || value > plot.scales.y.max) continue;
        const y = plot.valToPos(value, "y", true);
        const ink = css(`--${level}`);
        stroke(ink, [4 * px, 4 * px], [bbox.left, y], [right, y]);
        if (y - before < 14 * px) continue;
        before = y;
        words.push({ word: text, ink, left: bbox.left + 4 * px, y: y - 3 * px });
      }
      for (const { at, word } of spec.marks ?? []) {
        const x = plot.valToPos(at, "x", true);
        if (x < bbox.left || x > right) continue;
        const ink = css("--ink-2");
        stroke(ink, [], [x, bbox.top], [x, bbox.top + bbox.height]);
        // A word that would leave the picture stands on the other side of its line.
        const size = ctx.measureText(word).width + 4 * px;
        words.push({ word, ink, left: right - x < size + 4 * px ? x - size : x + 4 * px, y: bbox.top + 12 * px });
      }
      write(ctx, words, px);
      ctx.restore();
    };
  }

  // Neighbours on an axis that read alike get decimals until they differ.
  function labels(ticks, unit) {
    let words = [];
    for (const decimals of [undefined, 1, 2, 3, 4]) {
      words = ticks.map((value) => tick(value, unit, decimals));
      if (new Set(words).size === words.length) break;
    }
    return words;
  }

  // Room for the longest label of the axis.
  function room(plot, labels) {
    const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
    return Math.max(48, 20 + longest * 6.2);
  }

  function zoom(plot) {
    const { left, width } = plot.select;
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    // Synced charts select, too, by axes that new data may have moved since: only the chart that was dragged tells.
    if (!plot.cursor.event || width < 8) return;
    const from = plot.posToVal(left, "x");
    const to = plot.posToVal(left + width, "x");
    document.dispatchEvent(new CustomEvent("dexwatch:zoom", { detail: { from, to } }));
  }

  function options(box, spec, names) {
    const axis = { stroke: css("--ink-3"), font: `11px ${css("--font")}`, grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false } };
    return {
      width: box.clientWidth,
      height: box.clientHeight,
      padding: [8, 24, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: sync.key, setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
      },
      scales: { x: { time: true, range: (plot, low, high) => plot.span ?? [low, high] }, y: { range: range(spec) } },
      axes: [
        { ...axis, space: 64, size: 26, incrs: moments, values: (plot, ticks) => ticks.map((at) => clock(at, plot.scales.x.max - plot.scales.x.min)) },
        { ...axis, size: room, space: 34, incrs: steps(spec.unit), splits: spec.unit === "boolean" ? [0, 1] : undefined, values: (plot, ticks) => labels(ticks, spec.unit) },
      ],
      series: [
        {},
        ...names.map((name, index) => ({
          label: "",
          stroke: colour(index),
          width: 1.5,
          dash: dash(index),
          fill: spec.stacked && index === 0 ? colour(index) + "38" : undefined,
          // A single value makes no line, so it gets a point.
          points: { size: 5, show: (plot, at) => plot.data[at].filter((value) => value != null).length < 2 },
          spanGaps: false,
        })),
      ],
      bands: spec.stacked ? names.slice(1).map((_, index) => ({ series: [index + 2, index + 1], fill: colour(index + 1) + "38" })) : [],
      hooks: {
        draw: [annotate(spec)],
        setSelect: [zoom],
        setCursor: [(plot) => read(plot)],
      },
    };
  }

  // Writes the values under the cursor, or the newest ones, into the legend.
  function read(plot) {
    const chart = plot.chart;
    if (!chart) return;
    const at = plot.cursor.idx;
    chart.raw.forEach((values, index) => {
      let position = at ?? values.length - 1;
      while (at == null && position > 0 && values[position] == null) position -= 1;
      chart.cells[index].textContent = formatValue(values[position], chart.spec.unit, chart.spec.decimals);
    });
  }

  function legend(list, names) {
    list.replaceChildren();
    return names.map((name, index) => {
      const item = document.createElement("li");
      item.className = `s${(index % 8) + 1}`;
      const word = document.createElement("span");
      word.textContent = word.title = name;
      const cell = document.createElement("b");
      item.append(document.createElement("i"), word, cell);
      list.append(item);
      return cell;
    });
  }

  function build(box, spec, names) {
    const chart = { box, spec, names, raw: [], cells: legend(box.nextElementSibling, names) };
    box.replaceChildren();
    chart.plot = new uPlot(options(box, spec, names), [[], ...names.map(() => [])], box);
    chart.plot.chart = chart;
    return chart;
  }

  // Draws a frame's body into its box; `span` is [from, to] of the axis in Unix seconds.
  function draw(box, spec, body, span) {
    const names = body.series.map((one) => one.name);
    let chart = charts.get(box);
    if (!chart || chart.names.join("\n") !== names.join("\n")) {
      chart?.plot.destroy();
      chart = build(box, spec, names);
      charts.set(box, chart);
    }
    chart.body = body;
    chart.span = span;
    chart.raw = body.series.map((one) => one.values);
    chart.plot.span = span;
    chart.plot.setData([body.times, ...(spec.stacked ? stacked(chart.raw) : chart.raw)]);
    read(chart.plot);
  }

  function resize() {
    for (const [box, chart] of charts) {
      if (!box.isConnected) {
        chart.plot.destroy();
        charts.delete(box);
      } else if (box.clientWidth) chart.plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    }
  }

  function repaint() {
    for (const [box, chart] of [...charts]) {
      chart.plot.destroy();
      charts.delete(box);
      if (box.isConnected) draw(box, chart.spec, chart.body, chart.span);
    }
  }

  let waiting;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(resize);
  });
  document.addEventListener("dexwatch:theme", repaint);
  return { draw };
})();

// Puts data into panels: from the page at first, from the stream afterwards, from history after a zoom.
"use strict";

(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const json = (id) => JSON.parse(document.getElementById(id)?.textContent || "{}");
  const specs = json("specs");
  const seconds = Number(board.dataset.seconds);
  let zoomed = null;
  let earliest = Infinity;
  let zooms = 0;
  const charts = new Map();

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text != null) made.textContent = text;
    return made;
  };
  const shape = (level) => {
    const made = element("i", `lv ${level}`);
    made.setAttribute("aria-hidden", "true");
    return made;
  };
  const named = (name) => {
    const made = element("span", "name", name);
    made.title = name;
    return made;
  };

  function stat(panel, body) {
    const box = panel.querySelector(".value");
    box.className = `value ${body.level}`;
    box.querySelector(".lv").className = `lv ${body.level}`;
    box.querySelector(".stat-value b").textContent = body.number;
    box.querySelector(".stat-value small").textContent = body.unit;
    box.querySelector(".meaning").textContent = body.meaning;
    box.querySelector(".spark path").setAttribute("d", body.spark);
  }

  function bars(panel, body) {
    panel.querySelector(".toplist").replaceChildren(...body.items.map((item) => {
      const row = element("li", item.level);
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      bar.setAttribute("viewBox", "0 0 100 4");
      bar.setAttribute("preserveAspectRatio", "none");
      bar.setAttribute("aria-hidden", "true");
      for (const [width, name] of [[100, "track"], [item.share * 100, ""]]) {
        const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        part.setAttribute("width", width);
        part.setAttribute("height", 4);
        if (name) part.setAttribute("class", name);
        bar.append(part);
      }
      row.append(named(item.name), element("b", "", item.text), bar);
      return row;
    }));
  }

  function status(panel, body) {
    panel.querySelector(".tiles").replaceChildren(...body.items.map((item) => {
      const tile = element("li", item.level);
      tile.append(shape(item.level), named(item.name), element("b", "", item.word));
      return tile;
    }));
  }

  function table(panel, body) {
    panel.querySelector("tbody").replaceChildren(...body.rows.map((row) => {
      const line = element("tr");
      const head = element("th", "", row.name);
      head.scope = "row";
      line.append(head, ...row.cells.map((cell) => element("td", "", cell)));
      return line;
    }));
  }

  function note(body) {
    const before = earliest;
    for (const one of body.series) {
      const first = one.values.findIndex((value) => value != null);
      if (first >= 0) earliest = Math.min(earliest, body.times[first]);
    }
    return earliest < before;
  }

  function chart(panel, body, shown) {
    charts.set(panel, [body, shown]);
    // The charts of a board begin together: an older value in one moves the others.
    if (!zoomed && note(body)) charts.forEach(([its, old], other) => other !== panel && trace(other, its, old));
    trace(panel, body, shown);
  }

  function trace(panel, body, shown) {
    const last = body.times[body.times.length - 1];
    const end = Math.max(last, shown.at);
    // While nothing is older, the axis begins with the oldest value: a new system fills its charts at once.
    const begin = Math.max(end - seconds, Math.min(earliest, end - 60));
    const span = zoomed ?? (seconds ? [begin, end] : null);
    dexwatch.charts.draw(panel.querySelector(".chart"), specs[panel.dataset.panel], body, span);
  }

  const painters = { stat, bars, gauge: bars, status, table, timeseries: chart };

  function show(shown) {
    const panel = document.getElementById(`panel-${shown.panel}`);
    const spec = specs[shown.panel];
    if (!panel || !spec) return;
    panel.dataset.state = shown.state;
    panel.dataset.at = shown.at;
    panel.querySelector(".remark").textContent = shown.note || "";
    if (shown.body && Object.keys(shown.body).length) painters[spec.kind](panel, shown.body, shown);
    age(panel);
  }

  // The age of the data is written only once it is worth a word: twice as old as it should be.
  function age(panel) {
    const every = specs[panel.dataset.panel]?.every;
    if (!every) return;
    const old = Math.max(0, Date.now() / 1000 - Number(panel.dataset.at));
    const label = panel.querySelector(".age");
    label.textContent = zoomed || panel.dataset.state === "waiting" ? "" : dexwatch.values.span(old);
    panel.classList.toggle("late", !zoomed && old > every * 3 + 5);
  }

  async function zoom(from, to) {
    if (!board.dataset.board || to - from < 10) return;
    const address = `/boards/${board.dataset.board}/history?from=${from.toFixed(0)}&to=${to.toFixed(0)}`;
    const time = (at) => dexwatch.values.clock(new Date(at * 1000));
    const turn = ++zooms;
    let words = "The past could not be read; try again.";
    let data = [];
    try {
      const reply = await fetch(address, { signal: AbortSignal.timeout(60000) });
      if (!reply.ok) throw new Error(String(reply.status));
      data = await reply.json();
      words = `${time(from)} – ${time(to)}`;
    } catch {
      // The words say it.
    }
    // Of two zooms in a row the later one counts, whichever is answered first.
    if (turn !== zooms) return;
    if (data.length) zoomed = [from, to];
    data.forEach(show);
    const box = document.getElementById("zoomed");
    box.hidden = false;
    box.querySelector("b").textContent = words;
  }

  // An incident's page brings the newer end of its graphs, and their marks, when it is refreshed.
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target?.id !== "bodies") return;
    for (const [id, spec] of Object.entries(json("specs"))) Object.assign((specs[id] ??= {}), spec);
    Object.values(json("bodies")).forEach(show);
  });
  const data = Object.values(json("bodies"));
  data.filter((shown) => shown.body.times).forEach((shown) => note(shown.body));
  data.forEach(show);
  document.querySelectorAll(".panel").forEach(age);
  setInterval(() => document.querySelectorAll(".panel").forEach(age), 1000);
  document.addEventListener("dexwatch:zoom", (event) => zoom(event.detail.from, event.detail.to));
  const listen = (stream) => stream.addEventListener("panel", (event) => {
    const shown = JSON.parse(event.data);
    if (!zoomed || specs[shown.panel]?.kind !== "timeseries") show(shown);
  });
  if (dexwatch.stream) listen(dexwatch.stream);
  else document.addEventListener("dexwatch:stream", (event) => listen(event.detail), { once: true });
})();

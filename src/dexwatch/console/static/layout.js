// The layout: theme, keys, menu, help, the state of the link, times in the reader's own zone.
"use strict";

(() => {
  const root = document.documentElement;
  // The help lists where keys lead; what it says is what they do.
  const links = Object.fromEntries([...document.querySelectorAll("#help [data-key]")].map((one) => [one.dataset.key, one.dataset.address]));

  const acts = {
    theme() {
      const dark = getComputedStyle(root).getPropertyValue("--scheme").trim() === "dark";
      root.dataset.theme = dark ? "light" : "dark";
      try {
        localStorage.setItem("dexwatch-theme", root.dataset.theme);
      } catch {
        // The choice holds for this page only.
      }
      document.dispatchEvent(new Event("dexwatch:theme"));
    },
    help() {
      const help = document.getElementById("help");
      if (help.open) help.close();
      else help.showModal();
    },
    menu(button) {
      const open = document.getElementById("menu").classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    },
    live() {
      location.reload();
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button) acts[button.dataset.do]?.(button);
    for (const open of document.querySelectorAll("details.about[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-do=submit]")) event.target.form.requestSubmit();
  });

  let leader = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const key = event.key;
    if (Date.now() - leader < 1200 && links[key]) location.assign(links[key]);
    else if (key === "g") leader = Date.now();
    else if (key === "?") acts.help();
    else if (key === "t") acts.theme();
    else if (key === "0" && !document.getElementById("zoomed")?.hidden) acts.live();
    else if (key === "[" || key === "]") step(key === "]" ? 1 : -1);
    else if (key === "Escape") document.querySelectorAll("details.about[open]").forEach((one) => (one.open = false));
  });

  function step(by) {
    const ranges = [...document.querySelectorAll(".segments a")];
    const now = ranges.findIndex((one) => one.getAttribute("aria-current") === "true");
    if (now >= 0) ranges[now + by]?.click();
  }

  const words = { live: "Live", lost: "Reconnecting" };
  document.addEventListener("dexwatch:link", (event) => {
    const state = document.getElementById("link-state");
    if (!state) return;
    state.dataset.state = event.detail;
    state.querySelector("b").textContent = words[event.detail];
  });

  function times(scope) {
    for (const one of scope.querySelectorAll("time[datetime]")) {
      const at = new Date(one.dateTime);
      const old = (Date.now() - at) / 1000;
      const day = Math.abs(old) < 64800 ? "" : `${at.toLocaleDateString([], { day: "numeric", month: "short" })} `;
      const away = old < 0 ? `in ${dexwatch.values.span(-old)}` : `${dexwatch.values.span(old)} ago`;
      one.textContent = day + dexwatch.values.clock(at);
      if (one.className === "moment" && Math.abs(old) < 86400) one.textContent += ` · ${away}`;
    }
  }
  times(document);
  // Clocks and charts alike are in the reader's own zone, which the menu names. A page stays open
  // over the night in which the clocks change.
  function zone() {
    const named = document.getElementById("zone");
    const parts = new Intl.DateTimeFormat([], { timeZoneName: "longOffset" }).formatToParts();
    const offset = parts.find((one) => one.type === "timeZoneName").value;
    if (named) named.textContent = `Times in ${offset.replace("GMT", "UTC").replace("+00:00", "")}`;
  }
  zone();
  setInterval(zone, 60000);
  setInterval(() => times(document), 1000);
  document.addEventListener("htmx:afterSwap", (event) => times(event.target));
})();

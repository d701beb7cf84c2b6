// Runs before the first paint, so that the page never flashes in the other theme.
"use strict";
try {
  const chosen = localStorage.getItem("dexwatch-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's preference holds then.
}

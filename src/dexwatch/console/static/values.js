// Values in words, by the table of metrics/units.py, which unit_table.js brings.
"use strict";

dexwatch.values = (() => {
  const { units, thousands, bytes, spans, huge, lastMoment, dash, thin } = dexwatch.unitTable;
  const exponential = (value) => value.toExponential(1);
  const isWhole = (value) => Math.abs(value - Math.floor(value + 0.5)) < 1e-9;

  // A tiny loss is nothing, not less than nothing.
  function fixed(value, decimals) {
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? text.replace("-", "") : text;
  }

  function grouped(value) {
    if (Math.abs(value) >= huge) return exponential(value);
    return fixed(value, 0).replace(/\B(?=(\d{3})+$)/g, thin);
  }

  function plain(value, decimals) {
    const size = Math.abs(value);
    if (size >= huge) return exponential(value);
    if (decimals == null) {
      if (size >= 1000) return grouped(value);
      if (size && size < 0.001) return exponential(value);
      decimals = isWhole(value) || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
    }
    return fixed(value, decimals);
  }

  function short(value, decimals) {
    if (decimals == null) {
      for (const [scale, suffix] of thousands) {
        if (Math.abs(value) >= scale * (suffix === "k" ? 10 : 1)) return plain(value / scale) + suffix;
      }
    }
    return plain(value, decimals);
  }

  function size(value) {
    for (const [scale, name] of bytes) {
      if (Math.abs(value) >= scale) return plain(value / scale) + thin + name;
    }
    return grouped(value) + thin + "B";
  }

  function span(seconds) {
    let left = Number(Math.max(0, seconds).toFixed(0));
    const parts = [];
    for (const [length, name] of spans) {
      const count = Math.floor(left / length);
      left -= count * length;
      if (count) parts.push(count + thin + name);
    }
    return parts.slice(0, 2).join(" ") || "0" + thin + "s";
  }

  function seconds(value) {
    const length = Math.abs(value);
    if (length === 0) return "0" + thin + "s";
    if (length < 0.001) return plain(value * 1e6) + thin + "µs";
    if (length < 1) return plain(value * 1e3) + thin + "ms";
    if (length < 120) return plain(value) + thin + "s";
    if (length >= huge) return exponential(value) + thin + "s";
    return (value < 0 ? "-" : "") + span(length);
  }

  function percent(value, decimals) {
    if (Math.abs(value) >= huge) return exponential(value) + "%";
    const places = decimals ?? (isWhole(value) ? 0 : Math.abs(value) < 1 ? 2 : 1);
    let text = fixed(value, places);
    // A share just below 100 must not be rounded up to it: that would hide the fault.
    if (value < 100 && Number(text) >= 100) text = (Math.floor(value * 10 ** places) / 10 ** places).toFixed(places);
    return text + "%";
  }

  function moment(value) {
    if (!(value >= 0 && value < lastMoment)) return dash;
    return new Date(Math.floor(value) * 1000).toISOString().slice(11, 19);
  }

  const money = (value, decimals) => (value < 0 ? "-$" : "$") + short(Math.abs(value), decimals);
  const styles = { short, plain, whole: grouped, percent: (value, decimals) => percent(value * 100, decimals), seconds, bytes: size, money, moment };

  function formatValue(value, unit, decimals) {
    if (value == null || !Number.isFinite(value)) return dash;
    const how = units[unit] ?? units.count;
    if (how.style === "yes-no") return value ? "yes" : "no";
    const text = styles[how.style](value / how.scale, decimals);
    if (!how.suffix || text === dash) return text;
    return text + (how.style === "bytes" ? "" : thin) + how.suffix;
  }

  // In the reader's own zone. By hand, for an American browser calls the first hour of a day 24.
  function clock(at) {
    return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
  }

  // On an axis the panel's title already says per what.
  const tick = (value, unit, decimals) => formatValue(value, unit.startsWith("per_") ? "count" : unit, decimals);

  return { clock, formatValue, span, tick };
})();

// Values in words, by the same table as console/words.py.
"use strict";

dexwatch.values = (() => {
  const thousands = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const bytes = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];
  const thin = "\u202f";

  function plain(value, decimals) {
    if (decimals == null) {
      const size = Math.abs(value);
      if (size >= 1000) return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, thin);
      if (size && size < 0.001) return value.toExponential(1);
      const whole = Math.abs(value - Math.round(value)) < 1e-9;
      decimals = whole || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
    }
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? text.replace("-", "") : text;
  }

  function short(value, decimals) {
    if (decimals == null) {
      for (const [scale, letter] of thousands) {
        if (Math.abs(value) >= scale * (letter === "k" ? 10 : 1)) return plain(value / scale) + letter;
      }
    }
    return plain(value, decimals);
  }

  function size(value) {
    for (const [scale, name] of bytes) {
      if (Math.abs(value) >= scale) return plain(value / scale) + thin + name;
    }
    return Math.round(value) + thin + "B";
  }

  function span(seconds) {
    let left = Math.max(0, Math.round(seconds));
    const parts = [];
    for (const [length, name] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
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
    return (value < 0 ? "-" : "") + span(length);
  }

  function percent(value, decimals) {
    const size = Math.abs(value);
    const whole = Math.abs(value - Math.round(value)) < 1e-9;
    const places = decimals ?? (whole ? 0 : size < 1 ? 2 : 1);
    let text = value.toFixed(places);
    if (value < 100 && Number(text) >= 100) text = (Math.floor(value * 10 ** places) / 10 ** places).toFixed(places);
    return text + "%";
  }

  function figure(value, unit, decimals) {
    if (value == null || !Number.isFinite(value)) return "–";
    switch (unit) {
      case "ratio": return percent(value * 100, decimals);
      case "seconds": return seconds(value);
      case "bytes": return size(value);
      case "bytes_per_second": return size(value) + "/s";
      case "wei": return plain(value / 1e9, decimals) + thin + "gwei";
      case "blocks": return plain(Math.round(value));
      case "boolean": return value ? "yes" : "no";
      case "usd": return (value < 0 ? "-$" : "$") + short(Math.abs(value), decimals);
      case "per_second": return short(value, decimals) + thin + "/s";
      case "per_minute": return short(value, decimals) + thin + "/min";
      case "gas": return short(value, decimals) + thin + "gas";
      default: return short(value, decimals);
    }
  }

  // On an axis the panel's title already says per what.
  const tick = (value, unit) => figure(value, unit.startsWith("per_") ? "count" : unit);

  return { figure, span, tick };
})();

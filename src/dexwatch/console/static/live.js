// One stream for the whole page. The SSE extension of htmx swaps the layout's parts from it, panels.js
// draws from it. A page that nobody sees closes its stream: browsers allow few, and it costs the server.
"use strict";

class Stream extends EventTarget {
  constructor(address) {
    super();
    this.address = address;
    this.names = new Set();
    this.readyState = EventSource.CONNECTING;
    this.pause = 1000;
    this.last = 0;
    document.addEventListener("visibilitychange", () => this.look());
    window.addEventListener("online", () => this.look());
    setInterval(() => this.watchdog(), 5000);
    this.open();
  }

  open() {
    this.source = new EventSource(this.address);
    this.last = Date.now();
    this.source.onopen = (event) => {
      this.readyState = EventSource.OPEN;
      this.pause = 1000;
      this.tell("live");
      this.onopen?.(event);
    };
    this.source.onerror = () => {
      this.readyState = EventSource.CONNECTING;
      this.tell("lost");
      // A refused stream (signed out, server gone) is closed for good by the browser: begin anew, more slowly each time.
      if (this.source.readyState === EventSource.CLOSED) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.open(), this.pause);
        this.pause = Math.min(this.pause * 2, 30000);
      }
    };
    for (const name of this.names) this.forward(name);
    this.source.addEventListener("keepalive", () => (this.last = Date.now()));
    this.source.addEventListener("signedout", () => location.reload());
  }

  addEventListener(name, listener, options) {
    super.addEventListener(name, listener, options);
    if (!this.names.has(name)) {
      this.names.add(name);
      this.forward(name);
    }
  }

  forward(name) {
    this.source?.addEventListener(name, (event) => {
      this.last = Date.now();
      this.dispatchEvent(new MessageEvent(name, { data: event.data }));
    });
  }

  look() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        this.source.close();
        this.away = true;
      }, 30000);
    } else if (this.away) {
      this.away = false;
      this.open();
    }
  }

  // A dead connection gives no error for minutes; the server sends something every ten seconds.
  watchdog() {
    if (!this.away && !document.hidden && Date.now() - this.last > 25000) {
      this.source.close();
      this.tell("lost");
      this.open();
    }
  }

  tell(state) {
    document.dispatchEvent(new CustomEvent("dexwatch:link", { detail: state }));
  }

  close() {
    this.source.close();
    this.readyState = EventSource.CLOSED;
  }
}

window.dexwatch = { stream: null };
htmx.createEventSource = (address) => {
  window.dexwatch.stream ??= new Stream(address);
  document.dispatchEvent(new CustomEvent("dexwatch:stream", { detail: window.dexwatch.stream }));
  return window.dexwatch.stream;
};

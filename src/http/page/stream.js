// Server-sent events over fetch: EventSource cannot send a key. Reconnects by itself with growing pauses, and goes on
// after the last event it has seen.

import { request, Problem } from "./api.js";

const SILENT = 7000; // ms without an event (health comes every second) until the line counts as lost
const FIRST_PAUSE = 500, LONGEST_PAUSE = 10000;

/** One event stream. `take(name, data)` gets each event; `state(name, info)` learns of the line: connecting, live,
 *  lost {since, next, why}, key {wrong}. */
export class Stream {
  constructor(path, take, state) {
    this.path = path;
    this.take = take;
    this.state = state;
    this.pause = 0;
    this.lastId = null;
    this.heard = null; // performance.now() of the last event
    this.timer = 0;
    this.tried = 0;
    setInterval(() => { if (this.live && performance.now() - this.heard > SILENT) this.abort.abort(); }, 500);
  }

  /** Opens, or opens again at once. */
  open() {
    clearTimeout(this.timer);
    this.abort?.abort();
    const abort = this.abort = new AbortController();
    this.read(abort.signal).then(() => this.lost(abort, "the server ended it"), (error) => this.lost(abort, error));
  }

  async read(signal) {
    const headers = { Accept: "text/event-stream" };
    if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
    const answer = await request(this.path, { headers, signal, cache: "no-store" });
    this.heard = performance.now();
    this.live = true;
    this.pause = 0;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heard = performance.now();
      rest += value;
      const end = rest.lastIndexOf("\n\n");
      if (end < 0) continue;
      for (const event of rest.slice(0, end).split("\n\n")) this.event(event);
      rest = rest.slice(end + 2);
    }
  }

  event(block) {
    let name = "message", data = "", id = null;
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon <= 0) continue; // a comment keeps the line open
      const value = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      const field = line.slice(0, colon);
      if (field === "event") name = value;
      else if (field === "data") data += value;
      else if (field === "id") id = value;
    }
    if (!data) return;
    this.take(name, JSON.parse(data));
    if (id !== null) this.lastId = id;
    this.state("live");
  }

  lost(abort, error) {
    if (this.abort !== abort) return; // another one was opened meanwhile
    // Who did not answer at all may come back as another: a server that counts its commits anew must not be asked to
    // go on after a number of the one before it.
    if (!this.live) this.lastId = null;
    this.live = false;
    const refused = error instanceof Problem ? error : null;
    if (refused && refused.status === 401) return this.state("key", { why: refused.message });
    this.pause = Math.min(this.pause ? this.pause * 1.7 : FIRST_PAUSE, LONGEST_PAUSE);
    // Not all pages at the same moment, when a server comes back.
    const wait = Math.max(this.pause * (0.8 + 0.4 * Math.random()), (refused?.retryAfter || 0) * 1000);
    this.state("lost", { next: Date.now() + wait, why: refused ? refused.message : null });
    this.timer = setTimeout(() => this.open(), wait);
  }
}

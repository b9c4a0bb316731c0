// Reads a run's events out of the log as any reader does: stored messages, a page at a time, by the one request that the page's
// credentials allow. No consumer is made, so nothing is left on the server. A worker beside the page, told of in feed.js, so that
// neither waits for the other.

import { createInbox, jwtAuthenticator, wsconnect } from "@nats-io/nats-core";
import { Answers, tapped } from "./answers.js";

/** Messages of a page, and so few that no more wait. */
const PAGE = 3000, FEW = 300;
const PAGE_BYTES = 2 ** 23;
/** Pages that may wait to be taken in; the next is asked for when fewer wait. */
const WAITING_MAX = 2;
/** Milliseconds to wait for a page, between two looks for new events, and before another try to connect. A look costs the server as much as some
 * ten events of a run, so there are four in a second. */
const ANSWER_MS = 5000, LOOK_MS = 250, AGAIN_MS = 2000;
/** Times a look's own length to wait until the next one, at most some milliseconds: on a busy machine, looks are longer and the run needs the server more. */
const LOOK_TIMES = 10, LOOK_MS_MAX = 1000;
/** Milliseconds that a page may be behind. A crowd's run fills pages with few long messages faster than a person follows: what is newer is read
 * look by look, so that the run keeps its processors, and what is older at once. */
const BEHIND_MS_MAX = 20_000;

const encoder = new TextEncoder();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Milliseconds since the newest event of an answer. */
function age({ bytes, ends }) {
  const begin = ends.at(-2) ?? 0, text = new TextDecoder().decode(bytes.subarray(begin, begin + 500));
  return Date.now() - Date.parse(/"occurred_at":"([^"]*)"/.exec(text)?.[1]);
}

class Reader {
  constructor() {
    this.next = 0;
    this.waiting = 0; // pages that the page has not taken in
    this.isEnded = false;
    this.isCaughtUp = false;
    this.client = null;
    this.subjects = new Map();
    this.opening = null; // what waits for a session
  }

  /** Do what the page asks: take a session or the reason that there is none, read on, end, or find a text. */
  async do({ session, refusal, taken, end, digest }) {
    if (session) this.opening.done(session);
    if (refusal) this.opening.fail(new Error(refusal));
    if (taken) {
      this.waiting--;
      this.roused?.();
    }
    if (end) this.isEnded = true;
    if (digest) postMessage({ digest, ...(await this.text(digest).then((text) => ({ text }), () => ({ isLost: true }))) });
  }
  /** A new session: credentials, addresses, the place of the run's first event. */
  open() {
    return new Promise((done, fail) => {
      this.opening = { done, fail };
      postMessage({ wants: "session" });
    });
  }
  tell(state, reason) {
    postMessage({ state, reason });
  }
  /** Number of a subject, under which the page knows it from now on; `added` takes one that is new. */
  subject(name, added) {
    let found = this.subjects.get(name);
    if (found === undefined) {
      this.subjects.set(name, (found = this.subjects.size));
      added.push(name);
    }
    return found;
  }
  give({ bytes, used, ...found }) {
    const added = [], subjects = Int32Array.from(found.subjects, (name) => this.subject(name, added));
    const sequences = Float64Array.from(found.sequences), ends = Int32Array.from(found.ends), texts = bytes.subarray(0, used);
    this.waiting++;
    const parts = [sequences, subjects, ends, texts].map(({ buffer }) => buffer);
    postMessage({ page: { sequences, subjects, ends, texts, added }, isCaughtUp: this.isCaughtUp }, parts);
  }

  /** Read for ever, over restarts of the server and new credentials; until `end` is called. */
  async read() {
    while (!this.isEnded) {
      try {
        await this.readConnected();
      } catch (error) {
        this.tell("disconnected", String(error?.message ?? error));
        await pause(AGAIN_MS);
      }
    }
  }

  async readConnected() {
    const session = await this.open();
    this.session = session;
    const seed = encoder.encode(session.seed), answers = (this.answers = new Answers(createInbox(session.inbox)));
    const client = wsconnect({
      wsFactory: (url) => ({ socket: tapped(url, answers), encrypted: url.startsWith("wss:") }),
      servers: session.sockets, authenticator: jwtAuthenticator(session.jwt, seed), inboxPrefix: session.inbox,
      name: "econsim-page", ignoreClusterUpdates: true, maxReconnectAttempts: -1, reconnectTimeWait: AGAIN_MS, noEcho: true,
    });
    // A browser keeps to itself why a websocket was refused.
    this.client = await client.catch((error) => {
      throw error?.message ? error : new Error(`the server of the run has gone, or refuses this page; ${session.remedy}`);
    });
    const closed = this.client.closed().then((error) => {
      throw error ?? new Error("the connection was closed");
    });
    closed.catch(() => {});
    this.client.subscribe(`${answers.inbox}.*`, { callback: () => {} });
    this.watch();
    this.tell("connected");
    this.next = Math.max(this.next, session.first);
    while (!this.isEnded) await Promise.race([this.readPage(session), closed]);
    // The connection stays for texts that are looked at.
  }
  async watch() {
    for await (const { type } of this.client.status()) {
      if (type === "disconnect" || type === "staleConnection") this.tell("disconnected", "the server does not answer");
      if (type === "reconnect") this.tell("connected");
    }
  }

  async readPage({ log, run }) {
    if (this.waiting >= WAITING_MAX) return new Promise((done) => (this.roused = done));
    const askedAt = performance.now();
    let found;
    try {
      found = await this.ask(log, { seq: this.next, batch: PAGE, max_bytes: PAGE_BYTES, next_by_subj: `*.*.*.${run}` });
    } catch {
      return pause(200); // The same page again: what was lost on its way was not taken in.
    }
    const was = this.isCaughtUp;
    const isFew = found.ends.length < FEW, isNew = age(found) < BEHIND_MS_MAX;
    this.isCaughtUp = isFew && found.used < PAGE_BYTES / 2;
    if (found.ends.length) {
      this.next = found.sequences.at(-1) + 1;
      this.give(found);
    } else if (!was) postMessage({ isCaughtUp: true });
    if (this.isCaughtUp || (isFew && isNew)) await pause(Math.min(Math.max(LOOK_MS, LOOK_TIMES * (performance.now() - askedAt)), LOOK_MS_MAX));
  }

  /** Stored messages of a stream that answer one question. */
  ask(stream, question) {
    return this.answers.expect(!question.batch, ANSWER_MS, (reply) => {
      this.client.publish(`$JS.API.DIRECT.GET.${stream}`, encoder.encode(JSON.stringify(question)), { reply });
    });
  }

  /** A long text of a call, by its digest; undefined if it is not kept any more. */
  async text(digest) {
    const { bytes, used, ends } = await this.ask(this.session.texts, { last_by_subj: `$KV.llm_texts.${digest}` });
    return ends.length ? new TextDecoder().decode(bytes.subarray(0, used)) : undefined;
  }
}

const reader = new Reader();
addEventListener("message", ({ data }) => reader.do(data));
reader.read();

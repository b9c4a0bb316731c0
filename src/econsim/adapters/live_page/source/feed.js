// Reads a run's events out of the log as any reader does: stored messages, a page at a time, by the one request that the page's
// credentials allow. No consumer is made, so nothing is left on the server.

import { createInbox, jwtAuthenticator, wsconnect } from "@nats-io/nats-core";

const PAGE = 1000;
const PAGE_BYTES = 2 ** 23;
/** Pages that may wait to be taken in; the next is asked for when fewer wait. */
const WAITING_MAX = 3;
/** Milliseconds to wait for a page, between two looks for new events, and before another try to connect. */
const ANSWER_MS = 5000, LOOK_MS = 60, AGAIN_MS = 2000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Feed {
  /** `open` gives a session: credentials, addresses, the place of the run's first event; `tell` is told how the connection is. */
  constructor(open, tell) {
    this.open = open;
    this.tell = tell;
    this.pages = []; // that wait to be taken in
    this.next = 0;
    this.isEnded = false;
    this.isCaughtUp = false;
    this.client = null;
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
  end() {
    this.isEnded = true;
  }

  async readConnected() {
    const session = await this.open();
    this.session = session;
    const seed = encoder.encode(session.seed);
    this.client = await wsconnect({
      servers: session.sockets, authenticator: jwtAuthenticator(session.jwt, seed), inboxPrefix: session.inbox,
      name: "econsim-page", ignoreClusterUpdates: true, maxReconnectAttempts: -1, reconnectTimeWait: AGAIN_MS, noEcho: true,
    });
    const closed = this.client.closed().then((error) => {
      throw error ?? new Error("the connection was closed");
    });
    closed.catch(() => {});
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
    if (this.pages.length >= WAITING_MAX) return pause(4);
    let found;
    try {
      found = await this.ask(log, { seq: this.next, batch: PAGE, max_bytes: PAGE_BYTES, next_by_subj: `*.*.*.${run}` });
    } catch {
      return pause(200); // The same page again: what was lost on its way was not taken in.
    }
    if (found.length) {
      this.next = found.at(-1).sequence + 1;
      this.pages.push(found);
    }
    this.isCaughtUp = found.length < PAGE / 2;
    if (this.isCaughtUp) await pause(LOOK_MS);
  }

  /** Messages of a stream that answer one question, in order; fails if one was lost on its way. */
  ask(stream, question) {
    const { client } = this, inbox = createInbox(this.session.inbox);
    const found = [];
    return new Promise((done, fail) => {
      const stop = (ending, value) => {
        clearTimeout(timer);
        subscription.unsubscribe();
        ending(value);
      };
      const timer = setTimeout(() => stop(fail, new Error("no answer")), ANSWER_MS);
      const subscription = client.subscribe(inbox, {
        callback: (error, message) => {
          if (error) return stop(fail, error);
          const { headers } = message, last = found.at(-1)?.sequence ?? 0, before = headers?.get("Nats-Last-Sequence");
          if (!headers) return stop(fail, new Error("an answer without headers"));
          if (headers.code && headers.code !== 204 && headers.code !== 404) return stop(fail, new Error(headers.description));
          if (before && Number(before) !== last) return stop(fail, new Error("a message was lost on its way"));
          if (headers.code) return stop(done, found);
          found.push({
            sequence: Number(headers.get("Nats-Sequence")), subject: headers.get("Nats-Subject"), text: decoder.decode(message.data),
          });
          if (!question.batch) stop(done, found);
        },
      });
      client.publish(`$JS.API.DIRECT.GET.${stream}`, encoder.encode(JSON.stringify(question)), { reply: inbox });
    });
  }

  /** A long text of a call, by its digest; undefined if it is not kept any more. */
  async text(digest) {
    const [found] = await this.ask(this.session.texts, { last_by_subj: `$KV.llm_texts.${digest}` });
    return found?.text;
  }
}

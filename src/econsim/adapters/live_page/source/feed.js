// Reads a run's events out of the log as any reader does: stored messages, a page at a time, by the one request that the page's
// credentials allow. No consumer is made, so nothing is left on the server.

import { createInbox, jwtAuthenticator, wsconnect } from "@nats-io/nats-core";

/** Messages of a page, and so few that no more wait. */
const PAGE = 3000, FEW = 300;
const PAGE_BYTES = 2 ** 23;
/** Pages that may wait to be taken in; the next is asked for when fewer wait. */
const WAITING_MAX = 2;
/** Milliseconds to wait for a page, between two looks for new events, and before another try to connect. */
const ANSWER_MS = 5000, LOOK_MS = 100, AGAIN_MS = 2000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** What brings a run back whose server or page has gone. */
export const remedy = (run) => `run \`econsim watch ${run}\` again, after \`econsim up\` to keep a server, and open the address that it prints`;

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
    const client = wsconnect({
      servers: session.sockets, authenticator: jwtAuthenticator(session.jwt, seed), inboxPrefix: session.inbox,
      name: "econsim-page", ignoreClusterUpdates: true, maxReconnectAttempts: -1, reconnectTimeWait: AGAIN_MS, noEcho: true,
    });
    // A browser keeps to itself why a websocket was refused.
    this.client = await client.catch((error) => {
      throw error?.message ? error : new Error(`the server of the run has gone, or refuses this page; ${remedy(session.run)}`);
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
    this.isCaughtUp = found.length < FEW;
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
          const last = found.at(-1)?.sequence ?? 0, { code, before, ...stored } = read(message);
          if (code && code !== 204 && code !== 404) return stop(fail, new Error(`the server answers ${code}`));
          if (before !== undefined && before !== last) return stop(fail, new Error("a message was lost on its way"));
          if (code) return stop(done, found);
          found.push(stored);
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

const STORED = /^NATS\/1\.0\r\n(?:.+\r\n)*?Nats-Subject: ([^\r]*)\r\nNats-Sequence: (\d+)\r\n(?:.*\r\n)*?(?:Nats-Last-Sequence: (\d+)\r\n|\r\n)/;

/**
 * Place, subject and text of a stored message, and the place of the message before it in its page; of another answer its code.
 *
 * The headers of nearly every message have one form, the server's: reading them so takes a tenth of the time of the library's own way,
 * which is for the others.
 */
function read(message) {
  const whole = decoder.decode(message._rdata), plain = STORED.exec(whole), text = whole.slice(whole.indexOf("\r\n\r\n") + 4);
  if (plain) return { sequence: Number(plain[2]), subject: plain[1], text, before: plain[3] === undefined ? undefined : Number(plain[3]) };
  const { headers } = message, value = (name) => (headers?.has(name) ? Number(headers.get(name)) : undefined);
  if (!headers) return { code: 500 };
  return { code: headers.code, sequence: value("Nats-Sequence"), subject: headers.get("Nats-Subject"), text, before: value("Nats-Last-Sequence") };
}

// The run's events as they come: a worker reads them (reader.js), this end asks for sessions and keeps what waits to be taken in.

/** What brings a run back whose server or page has gone. */
export const remedy = (run) => `run \`econsim watch ${run}\` again, after \`econsim up\` to keep a server, and open the address that it prints`;

const decoder = new TextDecoder();

/** The worker; its text is part of the page, and the one script that the page's policy lets it make. */
function startReader() {
  const url = URL.createObjectURL(new Blob([READER], { type: "text/javascript" }));
  const policy = globalThis.trustedTypes?.createPolicy("reader", { createScriptURL: () => url });
  return new Worker(policy ? policy.createScriptURL("") : url);
}

export class Feed {
  /** `open` gives a session: credentials, addresses, the place of the run's first event; `tell` is told how the connection is, `wake` that something came. */
  constructor(open, tell, wake) {
    this.open = open;
    this.tell = tell;
    this.wake = wake;
    this.pages = []; // that wait to be taken in
    this.subjects = []; // by the numbers that pages have
    this.texts = new Map(); // digest → who waits for the text
    this.isCaughtUp = false;
  }

  /** Read for ever, over restarts of the server and new credentials; until `end` is called. */
  read() {
    this.worker = startReader();
    this.worker.addEventListener("message", ({ data }) => this.take(data));
    this.worker.addEventListener("error", ({ message }) => this.tell("disconnected", message));
  }
  end() {
    if (!this.isEnded) this.worker.postMessage({ end: true });
    this.isEnded = true;
  }

  take({ wants, state, reason, page, isCaughtUp, digest, text, isLost }) {
    if (wants) return this.give();
    if (state) return this.tell(state, reason);
    if (digest) return this.giveText(digest, text, isLost);
    if (page) {
      this.subjects.push(...page.added);
      this.pages.push({ ...page, taken: 0 });
    }
    this.isCaughtUp = isCaughtUp;
    this.wake();
  }
  async give() {
    try {
      this.session = await this.open();
      this.worker.postMessage({ session: { ...this.session, remedy: remedy(this.session.run) } });
    } catch (error) {
      this.worker.postMessage({ refusal: String(error?.message ?? error) });
    }
  }

  /** The next message, as place, subject and text; undefined if none waits. */
  next() {
    const page = this.pages[0];
    if (!page) return undefined;
    const place = page.taken++, from = place ? page.ends[place - 1] : 0, to = page.ends[place];
    // One decoding for all; where a character has several bytes, places in the text are not those in the bytes.
    page.text ??= decoder.decode(page.texts);
    const text = page.text.length === page.texts.length ? page.text.slice(from, to) : decoder.decode(page.texts.subarray(from, to));
    if (page.taken === page.ends.length) {
      this.pages.shift();
      this.worker.postMessage({ taken: true });
    }
    return [page.sequences[place], this.subjects[page.subjects[place]], text];
  }

  /** A long text of a call, by its digest; undefined if it is not kept any more. */
  text(digest) {
    return new Promise((done, fail) => {
      const waiting = this.texts.get(digest);
      if (waiting) return waiting.push({ done, fail });
      this.texts.set(digest, [{ done, fail }]);
      this.worker.postMessage({ digest });
    });
  }
  giveText(digest, text, isLost) {
    for (const { done, fail } of this.texts.get(digest) ?? []) if (isLost) fail(new Error("no answer"));
      else done(text);
    this.texts.delete(digest);
  }
}

// Answers to requests for stored messages, taken out of the bytes of a connection before its client sees them: the client makes an object
// of each message and decodes its parts, which costs more than all that is asked here. What else comes goes to the client as it came.

/** Bytes that an answer has room for at first. */
const ROOM = 2 ** 16;
const LF = 10, H = 72, M = 77;

// A character for each byte, so that places in the text are places in the bytes.
const decoder = new TextDecoder("latin1");

/** The head of nearly every stored message: its sizes, then headers in the server's own form. */
const STORED = /HMSG \S+\.(\d+) \d+ (\d+) (\d+)\r\nNATS\/1\.0\r\n(?:.+\r\n)*?Nats-Subject: ([^\r]*)\r\nNats-Sequence: (\d+)\r\n(?:.+\r\n)*?(?:Nats-Last-Sequence: (\d+)\r\n|\r\n)/y;
const SIZES = /^H?MSG \S+?(?:\.(\d+))? \d+ (?:\S+ )??(?:(\d+) )?(\d+)\r$/;

/** Stored messages that answer one question, in order: their places, subjects, and texts one after another. */
class Answer {
  constructor(isOne) {
    this.isOne = isOne;
    this.sequences = [];
    this.subjects = [];
    this.ends = [];
    this.bytes = new Uint8Array(ROOM);
    this.used = 0;
    this.done = new Promise((end, fail) => Object.assign(this, { end, fail }));
  }
  /** Take the next message; fails if one was lost on its way. */
  add(sequence, subject, before, text) {
    const last = this.sequences.at(-1) ?? 0;
    if (before !== undefined && before !== last) return this.fail(new Error("a message was lost on its way"));
    if (this.used + text.length > this.bytes.length) {
      const wider = new Uint8Array(2 * (this.used + text.length));
      wider.set(this.bytes.subarray(0, this.used));
      this.bytes = wider;
    }
    this.bytes.set(text, this.used);
    this.ends.push((this.used += text.length));
    this.sequences.push(sequence);
    this.subjects.push(subject);
    if (this.isOne) this.end(this);
  }
  /** Take a message without text: the end of the answer, or a refusal. */
  close(code, before) {
    if (code !== 204 && code !== 404) return this.fail(new Error(`the server answers ${code}`));
    this.add = () => {};
    if (before !== undefined && before !== (this.sequences.at(-1) ?? 0)) return this.fail(new Error("a message was lost on its way"));
    this.end(this);
  }
}

/** Questions under way, each with a number that its answers bear. */
export class Answers {
  /** `inbox` is where answers come to: its name, a point, the number of the question. */
  constructor(inbox) {
    this.inbox = inbox;
    this.head = new TextEncoder().encode(`HMSG ${inbox}.`);
    this.open = new Map();
    this.asked = 0;
  }
  /** Expect an answer, of one message or many, for some milliseconds; `ask` is given the place for it. */
  async expect(isOne, patience, ask) {
    const number = String(++this.asked), answer = new Answer(isOne);
    this.open.set(number, answer);
    const timer = setTimeout(() => answer.fail(new Error("no answer")), patience);
    try {
      ask(`${this.inbox}.${number}`);
      return await answer.done;
    } finally {
      clearTimeout(timer);
      this.open.delete(number);
    }
  }

  /** Whether a line of the protocol begins a message for the inbox. */
  isOwn(bytes, at) {
    const { head } = this;
    for (let place = 0; place < head.length; place++) if (bytes[at + place] !== head[place]) return false;
    return true;
  }
  /** Take the messages for the inbox out of some bytes; `pass` is given the others. Return the bytes of a message that is not whole. */
  take(bytes, pass) {
    const text = decoder.decode(bytes);
    let at = 0, passed = 0;
    for (let line; (line = bytes.indexOf(LF, at)) >= 0; ) {
      if (bytes[at] !== H && bytes[at] !== M) {
        at = line + 1;
        continue;
      }
      const isOwn = this.isOwn(bytes, at);
      STORED.lastIndex = at;
      const stored = isOwn ? STORED.exec(text) : null;
      const [, number, head = 0, size] = stored ?? SIZES.exec(text.slice(at, line)) ?? [];
      const begin = line + 1, end = begin + Number(size) + 2;
      if (!(end <= bytes.length)) break;
      if (isOwn) {
        if (passed < at) pass(bytes.subarray(passed, at));
        passed = end;
        const answer = this.open.get(number), after = begin + Number(head), content = bytes.subarray(after, end - 2);
        if (answer) {
          // What the expression found beyond this message's headers would be another's.
          if (stored && STORED.lastIndex <= after) answer.add(Number(stored[5]), stored[4], stored[6] && Number(stored[6]), content);
          else addOther(answer, text.slice(begin, after), content);
        }
      }
      at = end;
    }
    if (passed < at) pass(bytes.subarray(passed, at));
    return bytes.subarray(at);
  }
}

/** Add a message whose headers have another form. */
function addOther(answer, head, content) {
  const [status, ...lines] = head.split("\r\n"), code = Number(status.split(" ")[1] ?? 0);
  const headers = new Map(lines.map((line) => line.split(": ")));
  const value = (name) => (headers.has(name) ? Number(headers.get(name)) : undefined);
  if (code) return answer.close(code, value("Nats-Last-Sequence"));
  answer.add(value("Nats-Sequence"), headers.get("Nats-Subject"), value("Nats-Last-Sequence"), content);
}

/** A websocket of whose messages `answers` takes its own. */
export function tapped(url, answers) {
  return new (class extends WebSocket {
    rest = new Uint8Array(0);

    set onmessage(take) {
      super.onmessage = take && (({ data }) => {
        let bytes = new Uint8Array(data);
        if (this.rest.length) {
          const joined = new Uint8Array(this.rest.length + bytes.length);
          joined.set(this.rest);
          joined.set(bytes, this.rest.length);
          bytes = joined;
        }
        this.rest = answers.take(bytes, (other) => take({ data: other.slice().buffer }));
      });
    }
  })(url);
}

// One line about a fact, as `econsim events` prints it. The sentences come from the command that serves the page; what they are filled
// with is made here.

const LINE_LENGTH_MAX = 80;
const HOSTS_REPORTS = new Set(["cycle_completed", "cognitive_cycles_started", "cognitive_cycles_completed"]);

/** Micro-credits as text in credits, exactly. */
export function credits(micros) {
  if (micros === null || micros === undefined) return "unknown";
  const size = Math.abs(micros), rest = size % 1e6, whole = (size - rest) / 1e6;
  const text = rest ? `${whole}.${String(rest).padStart(6, "0").replace(/0+$/, "")}` : String(whole);
  return micros < 0 ? `-${text}` : text;
}

/** A text with the characters that turn the direction of writing as JSON escapes: they would put its signs in another order. */
export function inOrder(text) {
  return text.replace(/\p{Bidi_Control}/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export class Describer {
  /** Take the tables of sentences: by action, and of refused commands by verb. */
  constructor({ sentences = {}, asked = {} } = {}) {
    this.sentences = sentences;
    this.asked = asked;
  }
  describe(fact) {
    const domain = fact.type.slice(0, fact.type.indexOf(".")), action = fact.type.slice(domain.length + 1);
    if (domain === "agent" && !HOSTS_REPORTS.has(action)) return `${fact.entity} reports ${action}`;
    const sentence = Object.hasOwn(this.sentences, action) ? this.sentences[action] : "";
    return sentence ? fill(sentence, this.parts(fact)) : fact.type;
  }
  parts(fact) {
    const parts = { tick: fact.tick, actor: fact.actor, ...fact.data, entity: fact.entity, run: fact.event.correlation_id };
    const has = (name) => name in parts;
    if (has("price")) {
      parts.credits = credits(parts.price);
      parts.lot = `${parts.quantity ?? ""} ${fact.entity} at ${parts.credits}`;
    }
    if (has("code") && has("order_id")) parts.asked = fill(this.asked[parts.verb ?? ""] ?? "", parts);
    if (has("chain")) parts.what = parts.chain ? `chain ${parts.chain} was refused` : "a batch failed";
    if (has("summary")) {
      parts.who = parts.operator === "operator" ? "operator" : `operator ${parts.operator}`;
      parts.wanted = plain(parts.summary);
    }
    if (has("connected")) parts.connection = parts.connected ? "connected" : "disconnected";
    if (has("change")) parts.how = [parts.change.replaceAll("_", " "), parts.who, parts.reason].filter(Boolean).join(": ");
    if (has("journal_sequence")) parts.because = parts.failure ? `: ${parts.failure}` : "";
    if (has("quotas")) parts.whom = parts.agent || "every agent";
    if (has("transfers")) parts.movements = parts.transfers.map(movement).join("; ");
    return Object.assign(parts, thought(parts), social(parts));
  }
}

function fill(sentence, parts) {
  return sentence.replace(/\{(\w+)(?:\[(\w+)\])?\}/g, (_, name, inner) => {
    const found = inner ? parts[name]?.[inner] : parts[name];
    return found === undefined || found === null ? "None" : String(found);
  });
}

function social(parts) {
  if (!["question_id", "message_id", "task_id", "is_allowed"].some((name) => name in parts)) return {};
  const text = line(parts.text || parts.answer || ""), found = { text, said: text ? `: ${text}` : "" };
  if ("audience" in parts) found.whom = parts.asked || "a person";
  if ("is_allowed" in parts) found.allows = parts.is_allowed ? "allows" : "forbids";
  if ("paid" in parts && !("price" in parts)) found.credits = credits(parts.paid);
  return found;
}

function line(text) {
  const found = text.replace(/[\p{C}\p{Z}]/gu, " ").split(" ").filter(Boolean).join(" "), signs = [...found];
  return signs.length <= LINE_LENGTH_MAX ? found : `${signs.slice(0, LINE_LENGTH_MAX - 1).join("")}…`;
}

function thought(parts) {
  if ("prompt_digest" in parts) return { ending: (parts.failure || "answered").replaceAll("_", " ") };
  if ("is_error" in parts)
    return { ending: parts.is_error ? "the tool reports an error" : parts.cached ? "from the cache" : "answered" };
  if ("tools" in parts) return { offered: `${Object.keys(parts.tools).length} tools` };
  if ("steps" in parts)
    return { thought: parts.failure ? `was set aside: ${parts.failure}` : `thought, ${parts.actions} actions` };
  return { number: Array.isArray(parts.agents) ? parts.agents.length : 0 };
}

function plain(summary) {
  if (!summary.startsWith("{")) return summary;
  const text = summary.replace(/,?\s*"\w+":\s*null/g, "").replace(/":\s*/g, " ");
  return text.replace(/,\s*/g, ", ").replace(/[{}[\]"]/g, "").replace(/^[, ]+|[, ]+$/g, "");
}

function movement({ kind, amount, asset, debit, credit }) {
  const shown = asset === "credits" || asset === "debt" ? credits(amount) : String(amount);
  return `${kind} ${shown} ${asset} ${debit} → ${credit}`;
}

// What both pages share: the key in the address and what it opens, light and dark, and the list of keys.

import { inOrder } from "./sentences.js";

const THEME_STORED = "econsim-theme";

export const byId = (id) => document.getElementById(id);

/** An element with texts, which go in as texts and never as markup, and other elements. */
export function element(name, kind = "", ...content) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...content.map((each) => (typeof each === "string" ? inOrder(each) : each)));
  return made;
}

/** Answers of the command that serves the page, to who has its key. */
export class Command {
  /** `name` is the command's, `stored` what this tab keeps the key as, `remedy` says what brings the command back. */
  constructor(name, stored, remedy) {
    Object.assign(this, { name, stored, remedy });
  }
  /** What the command answers to a path; raises Error with the remedy. */
  async ask(path) {
    if (location.hash.length > 1) {
      sessionStorage.setItem(this.stored, location.hash.slice(1));
      // The key stays with this tab, and out of what is copied or bookmarked.
      history.replaceState(null, "", location.pathname);
    }
    const key = sessionStorage.getItem(this.stored);
    if (!key) throw new Error(`this address has no key; open the one that \`${this.name}\` printed`);
    const asked = fetch(path, { headers: { Authorization: `Bearer ${key}` }, cache: "no-store" });
    const response = await asked.catch(() => {
      throw new Error(`the command that serves this page has ended; ${this.remedy()}`);
    });
    if (response.status === 503) throw new Error(await response.text());
    if (!response.ok) throw new Error(`this page's key is not known any more; open the address that \`${this.name}\` printed last`);
    return response.json();
  }
}

/** Show the page light or dark as it was the last time, and call back when its colours change. */
export function keepTheme(changed) {
  const theme = localStorage.getItem(THEME_STORED);
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

export function turnTheme() {
  const root = document.documentElement, now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  localStorage.setItem(THEME_STORED, root.dataset.theme);
}

/** List keys that have a meaning: rows of the key's name, how it is shown, what it means, what it does. */
export function listKeys(keys) {
  for (const [, shown, meaning] of keys) if (shown) byId("keys").append(element("dt", "", shown), element("dd", "", meaning));
}

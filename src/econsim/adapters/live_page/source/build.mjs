// Makes the pages of their parts: `node build.mjs DIRECTORY`. Each names the digest of the sources, by which a test knows whether it is theirs.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const sources = readdirSync(here).filter((name) => /\.(js|mjs|css|html|json)$/.test(name)).sort();

function digest() {
  const hash = createHash("sha256");
  for (const name of sources) hash.update(name).update("\0").update(readFileSync(join(here, name))).update("\0");
  return hash.digest("hex");
}

async function bundled(entry, define = {}) {
  const made = await build({
    absWorkingDir: here, entryPoints: [entry], bundle: true, minify: true, write: false, format: "iife",
    target: "es2022", legalComments: "none", charset: "utf8", define,
  });
  return made.outputFiles[0].text.trim().replaceAll("</script", "<\\/script");
}

/** The page that watches carries the script of its worker, so that it stays one file. */
const reader = { READER: JSON.stringify(await bundled("reader.js")) };
const plots = readFileSync(join(here, "node_modules/uplot/dist/uPlot.min.css"), "utf8").trim();

const part = (name) => readFileSync(join(here, name), "utf8");

/** Pages by name: their frame, style and script. */
const pages = { page: ["index.html", "page.css", "main.js"], play: ["play.html", "play.css", "play.js"] };
for (const [name, [frame, style, script]] of Object.entries(pages)) {
  const parts = { digest: digest(), style: `${plots}\n${await bundled(style)}`, script: await bundled(script, reader) };
  const whole = part(frame).replace("{{head}}", () => part("head.html")).replace("{{foot}}", () => part("foot.html"));
  const made = whole.replace(/\{\{(\w+)\}\}/g, (_, place) => parts[place]);
  writeFileSync(join(process.argv[2], `${name}.html`), made);
}

// The pages carry these parts, whose licences ask to be carried along.
const carried = ["@nats-io/nats-core", "@nats-io/nkeys", "@nats-io/nuid", "tweetnacl", "uplot"];
const terms = carried.map((name) => {
  const { version, license } = JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));
  return `${name} ${version} (${license})\n\n${readFileSync(join(here, "node_modules", name, "LICENSE"), "utf8").trim()}\n`;
});
writeFileSync(join(process.argv[2], "page.LICENSE"), terms.join(`\n${"-".repeat(80)}\n\n`));

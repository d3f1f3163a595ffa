// Prints the name, version and licence text of every package in the bundle.
import { readdirSync, readFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const [path, { version, license, dev }] of Object.entries(lock.packages)) {
  if (!path || dev) continue;
  const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name));
  console.log(`${path.replace("node_modules/", "")} ${version}: ${license}\n\n${file ? readFileSync(`${path}/${file}`, "utf8").trim() : ""}\n\n${"-".repeat(80)}\n`);
}

// Uses the JSON producer at the URL given with fetch, as its OpenAPI document says, and prints what it got.
import assert from "node:assert/strict";

const base = process.argv[2];
const get = (path, headers = {}) => fetch(`${base}${path}`, { headers });

const recipe = await get("/recipes/42");
assert.equal(recipe.status, 200);
const { recipe: masala } = await recipe.json();

const again = await get("/recipes/42", { "If-None-Match": recipe.headers.get("etag") });
assert.equal(again.status, 304);

const ids = [];
let next = "/recipes?page_size=30";
while (next) {
  const page = await get(next);
  ids.push(...(await page.json()).recipes.map(({ id }) => id));
  next = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
}

const named = await (await get("/recipes?ids=3,1")).json();

const create = (body, key) =>
  fetch(`${base}/recipes`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  });
const key = crypto.randomUUID();
const first = await create({ name: "Soup" }, key);
const second = await create({ name: "Soup" }, key);
assert.deepEqual([first.status, second.status], [201, 201]);
assert.deepEqual(await first.json(), await second.json());
const conflict = await create({ name: "Stew" }, key);

const unknown = await get("/recipes/43000");
console.log(
  JSON.stringify({
    masala,
    ids,
    named: named.recipes.map(({ id }) => id),
    conflict: [conflict.status, (await conflict.json()).error],
    unknown: [unknown.status, unknown.headers.get("content-type"), (await unknown.json()).error],
    missing: (await get("/nothing")).status,
  }),
);

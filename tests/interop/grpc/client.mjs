// `node client.mjs AUTHORITY PROTO [CA]`: asks a producer all that the contract offers, and prints the answers as JSON.
import { readFileSync } from "node:fs";

import grpc from "@grpc/grpc-js";

import { load } from "./recipes.mjs";

const [authority, proto, ca] = process.argv.slice(2);
const credentials = ca ? grpc.credentials.createSsl(readFileSync(ca)) : grpc.credentials.createInsecure();
const client = new (load(proto).RecipeService)(authority, credentials);

const call = (method, request, deadlineMs = 10_000) =>
  new Promise((resolve) => {
    client[method](request, { deadline: Date.now() + deadlineMs }, (error, answer) =>
      resolve(
        error
          ? {
              code: grpc.status[error.code],
              text: error.details,
              details: error.metadata.get("grpc-status-details-bin").length,
            }
          : answer,
      ),
    );
  });

const answers = { recipe: await call("GetRecipe", { id: 42 }), meta: await call("GetMetaData", {}) };
if (client.ListRecipes) {
  answers.masked = await call("GetRecipe", { id: 42, read_mask: { paths: ["name"] } });
  answers.missing = await call("GetRecipe", { id: 999999 });
  answers.late = await call("GetRecipe", { id: 42 }, -1);
  answers.page = await call("ListRecipes", { page_size: 3 });
  answers.next = await call("ListRecipes", { page_size: 3, page_token: answers.page.next_page_token });
  answers.batch = await call("BatchGetRecipes", { ids: [2, 1, 2] });
  answers.created = await call("CreateRecipe", {
    recipe: { name: "Crème brûlée", ingredients: [{ name: "Cream", quantity: "½ l" }] },
  });
  answers.refused = await call("CreateRecipe", { recipe: { name: " " } });
  answers.many = (await Promise.all(Array.from({ length: 300 }, () => call("GetRecipe", { id: 42 })))).filter(
    (answer) => answer.id === 42,
  ).length;
}
console.log(JSON.stringify(answers));
client.close();

// `node server.mjs PROTO [KEY CERTIFICATE]`: the sample's service with one recipe, until stdin ends.
import { readFileSync } from "node:fs";

import grpc from "@grpc/grpc-js";

import { load } from "./recipes.mjs";

const [proto, key, certificate] = process.argv.slice(2);
const recipe = {
  id: 42,
  name: "Chicken Tikka Masala",
  steps: "Throw it in a pot...",
  ingredients: [
    { id: 1, name: "Chicken", quantity: "1 lb" },
    { id: 2, name: "Sauce", quantity: "2 cups" },
  ],
};
const server = new grpc.Server({ "grpc.default_compression_algorithm": 2 });
server.addService(load(proto).RecipeService.service, {
  GetRecipe: ({ request }, answer) =>
    request.id === 42 ? answer(null, recipe) : answer({ code: grpc.status.NOT_FOUND, details: "not found" }),
  GetMetaData: (_, answer) => answer(null, { pid: process.pid }),
});
const credentials = key
  ? grpc.ServerCredentials.createSsl(null, [{ private_key: readFileSync(key), cert_chain: readFileSync(certificate) }])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  console.log(`listening ${key ? "grpcs" : "grpc"}://127.0.0.1:${port} pid=${process.pid}`);
});
process.stdin.resume().on("end", () => server.forceShutdown());

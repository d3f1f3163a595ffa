// Uses the GraphQL producer at the URL given with graphql-request, and prints what it got.
import { ClientError, GraphQLClient, gql } from "graphql-request";
import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";

const client = new GraphQLClient(process.argv[2]);

const one = await client.request(
  gql`query ($id: ID!) { recipe(id: $id) { id name steps ingredients { id name quantity } } }`,
  { id: 42 },
);
const ids = [];
let after = null;
do {
  const { recipes } = await client.request(
    gql`query ($after: String) { recipes(first: 30, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } } }`,
    { after },
  );
  ids.push(...recipes.edges.map(({ node }) => Number(node.id)));
  after = recipes.pageInfo.hasNextPage ? recipes.pageInfo.endCursor : null;
} while (after);
const many = await client.request(gql`{ recipesByIds(ids: [3, 1]) { id } }`);
const created = await client.request(
  gql`mutation ($input: RecipeInput!) { createRecipe(input: $input) { name ingredients { quantity } } }`,
  { input: { name: "Soup", ingredients: [{ name: "Water", quantity: "1 l" }] } },
);
const refused = await client.request(gql`{ recipe(id: 43000) { id } }`).catch((error) => {
  if (!(error instanceof ClientError)) throw error;
  return error.response.errors[0].extensions.code;
});
const schema = printSchema(buildClientSchema(await client.request(getIntrospectionQuery())));
console.log(JSON.stringify({ masala: one.recipe, ids, many: many.recipesByIds, created: created.createRecipe, refused, schema }));

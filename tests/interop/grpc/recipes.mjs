// The package `recipe` of a contract, loaded when it runs: nothing here was generated.
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

export const load = (proto) =>
  grpc.loadPackageDefinition(loader.loadSync(proto, { keepCase: true, defaults: true })).recipe;

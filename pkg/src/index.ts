// `everwire`: the client, and the drop-ins for any server. The latter carry their modules inside, so that who uses the client alone has
// one module to serve, and bundlers leave out what is not used.

export * from "./client-entry.js";

// One client for the whole app. Where the server is can be said in the page's address.

import { Client } from "everwire";

const asked = new URLSearchParams(location.search);

export const topic = asked.get("topic") ?? "room:general";
export const client = new Client(asked.get("server") ?? "http://127.0.0.1:8080");

// The client's module inside the JavaScript, for where nothing can be fetched from beside it.

import base64 from "everwire-bytes";
import { decode } from "./base64.js";

export const isFull = false;

export default () => decode(base64);

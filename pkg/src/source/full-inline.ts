// The module with all that is optional, inside the JavaScript.

import base64 from "everwire-bytes";
import { decode } from "./base64.js";

export const isFull = true;

export default () => decode(base64);

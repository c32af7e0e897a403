// A module that travels as text. Decoded when it is loaded, and not by importing it.

export const decode = (base64: string) => Uint8Array.from(atob(base64), character => character.charCodeAt(0));

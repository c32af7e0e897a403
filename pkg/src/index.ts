// `everwire`: the client, and the drop-ins for any server. The latter carry their modules inside, so that who uses the client alone has
// one module to serve, and bundlers leave out what is not used.

export * from "./client-entry.js";
export {
  ReconnectingWebSocket, type ReconnectingWebSocketEventMap, type ReconnectingWebSocketOptions, type SocketCloseEvent, type UrlProvider,
} from "./websocket.js";
export {
  ResumableEventSource, type FailureKind, type Refusal, type ResumableEventSourceEventMap, type ResumableEventSourceOptions,
  type StreamErrorEvent, type StreamRequest,
} from "./eventsource.js";

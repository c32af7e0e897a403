// What differs on purpose, and why. A difference that is not here fails the test, and so does one that is here and is none any more.

export const meant = {
  "EventSource: type-with-another-charset":
    "the standard looks at the type alone, and reads UTF-8 whatever the charset; Chromium refuses",
  "WebSocket: the-socket-is-cut":
    "a link that was lost, and not closed, is an error; the platform says so only where it found something wrong itself",
  "WebSocket: a-send-before-it-is-open":
    "what is sent while there is no link waits for the next one, within the limits of its outbox",
  "WebSocket: the-state-after-a-close":
    "it comes back: a close tells by `willRetry` whether it was the last, and until then the state is `CONNECTING`",
};

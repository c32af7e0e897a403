// Writes what was found as the page that its users read. Compares nothing.

const cell = text => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Rows of cases, with the differences first. */
export function table(rows) {
  const different = rows.filter(row => row.platform !== row.ours);
  const out = [
    "# The drop-ins beside the platform's own classes",
    "",
    "`ResumableEventSource` and `ReconnectingWebSocket` beside `EventSource` and `WebSocket` of Chromium: the same case with both, the same server, and what an",
    `app sees. Written by \`tests/dropins\`, which fails when this page is not what it finds. ${rows.length} cases, of which ${different.length} differ, all of them on purpose.`,
    "",
    "## What differs, and why",
    "",
    "| case | the platform | the drop-in | why |",
    "| --- | --- | --- | --- |",
    ...different.map(({ title, name, platform, ours, why }) =>
      `| ${title.split(":")[0]}: ${cell(spoken(name))} | ${cell(platform)} | ${cell(ours)} | ${cell(why ?? "")} |`),
  ];
  for (const title of new Set(rows.map(row => row.title))) {
    out.push("", `## ${title}`, "", "| case | what an app sees, with both |", "| --- | --- |");
    const same = rows.filter(row => row.title === title && row.platform === row.ours);
    out.push(...same.map(({ name, platform }) => `| ${cell(spoken(name))} | ${cell(platform)} |`));
  }
  return `${out.join("\n")}\n`;
}

/** Names of cases are parts of URLs. */
const spoken = name => (name.includes(" ") ? name : name.replaceAll("-", " "));

// A bar chart as SVG, in both colour schemes. Knows nothing of what is in it.

const ROW = 26, LEFT = 250, WIDTH = 760;

const escape = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** `bars` are labels and values; those of Everwire stand out. */
export function chart(title, bars) {
  const most = Math.max(...bars.map(([, value]) => value));
  const height = 50 + bars.length * ROW;
  const rows = bars.map(([label, value], index) => {
    const y = 40 + index * ROW;
    const width = Math.max(1, Math.round((value / most) * (WIDTH - LEFT - 70)));
    const kind = label.startsWith("everwire") ? "ours" : "other";
    return `<text x="${LEFT - 8}" y="${y + 15}" text-anchor="end">${escape(label)}</text>` +
      `<rect class="${kind}" x="${LEFT}" y="${y + 2}" width="${width}" height="18" rx="2"/>` +
      `<text x="${LEFT + width + 6}" y="${y + 15}">${value < 10 ? value.toFixed(2) : value.toFixed(1)} ×</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.other{fill:#8c959f}.ours{fill:#0969da}.title{font-weight:600}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.other{fill:#656d76}.ours{fill:#4493f8}}</style>
<text class="title" x="8" y="22">${escape(title)}</text>
${rows.join("\n")}
</svg>
`;
}

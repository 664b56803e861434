// Verifier values as colours: cividis, which is ordered in lightness and looks alike with every colour vision.

const CIVIDIS = ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "fee838"].map((hex) =>
  [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)),
);

function channels(value) {
  const place = Math.min(Math.max(value, 0), 1) * (CIVIDIS.length - 1);
  const below = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return CIVIDIS[below].map((low, n) => Math.round(low + (CIVIDIS[below + 1][n] - low) * (place - below)));
}

/** Return the colours of a value: its own, and that of text on it. */
function valueColours(value) {
  if (value === null) return { "--value": "transparent", "--on-value": "inherit" };
  const [red, green, blue] = channels(value);
  const light = (0.2126 * red ** 2.2 + 0.7152 * green ** 2.2 + 0.0722 * blue ** 2.2) / 255 ** 2.2 > 0.19;
  return { "--value": `rgb(${red} ${green} ${blue})`, "--on-value": light ? "#111" : "#fff" };
}

/** Return a value as text: 0.97, or a dash where the verifier was not asked. */
function valueText(value, digits = 2) {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

/** Return a value as a coloured chip. */
function valueChip(value, attributes = {}) {
  return el("span", { class: "value", vars: valueColours(value ?? null), ...attributes }, valueText(value));
}

/** Return the scale: six values in their colours. */
function valueLegend() {
  return el(
    "span",
    { class: "legend", "aria-label": "Colours of the verifier's values" },
    el("span", { class: "muted" }, "value"),
    [0, 0.2, 0.4, 0.6, 0.8, 1].map((value) => valueChip(value)),
  );
}

// Elements are made here and nowhere else: texts become text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** Set attributes: `on` holds event handlers, `vars` CSS properties; null, undefined and false leave one out. */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (name === "vars") {
      for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/** Append nodes and texts; null, undefined and false are left out. */
function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Make an HTML element. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  return append(element, children);
}

/** Make an SVG element. */
function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  setAttributes(element, attributes);
  return append(element, children);
}

/** Make a button; `press` is what it does. */
function button(label, press, attributes = {}) {
  return el("button", { type: "button", on: { click: press }, ...attributes }, label);
}

/** Make a labelled choice among options, each a pair of value and text. */
function choice(label, options, value, change) {
  const select = el(
    "select",
    { "aria-label": label, on: { change: () => change(select.value) } },
    options.map(([name, text]) => el("option", { value: name, selected: name === value }, text)),
  );
  return select;
}

/** Tell screen readers what has changed. */
function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Return a number with its noun: "1 problem", "2 problems". */
function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

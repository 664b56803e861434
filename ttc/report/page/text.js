// Texts with formulas: LaTeX that was converted becomes MathML, everything else stays as it was written.

const MATHML = "http://www.w3.org/1998/Math/MathML";

/** Make the MathML of a formula: a node is a tag, its attributes or 0, then nodes or a text. */
function mathElement([tag, attributes, ...children]) {
  const element = document.createElementNS(MATHML, tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  for (const child of children) element.append(typeof child === "string" ? child : mathElement(child));
  return element;
}

/** Return a text as nodes, with its formulas set. */
function withFormulas(text, formulas) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(report.formulaPattern)) {
    const formula = formulas[match[0]];
    if (formula === undefined) continue;
    nodes.push(text.slice(end, match.index), formulaElement(match[0], formula));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

function formulaElement(source, formula) {
  const element = mathElement(formula);
  element.setAttribute("aria-label", source);
  return el("span", { class: "formula", title: source }, element);
}

/** Return an answer, which is LaTeX without delimiters. */
function answerElement(answer, formulas) {
  if (answer === null) return el("span", { class: "answer none" }, "no answer");
  const formula = formulas[`$${answer}$`];
  return el(
    "span",
    { class: "answer" },
    formula === undefined ? withFormulas(answer, formulas) : formulaElement(answer, formula),
  );
}

/** Return the sign of a grade; in black and white it differs in shape, and it has a name. */
function gradeMark(correct) {
  return el(
    "span",
    { class: correct ? "mark right" : "mark wrong", role: "img", "aria-label": correct ? "right" : "wrong" },
    correct ? "✓" : "✗",
  );
}

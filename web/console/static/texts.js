// The scripts' texts, in the page's language.

const texts = JSON.parse(document.getElementById("texts").textContent);

export function t(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// A text as `key.one` or `key.many`, with `n` as the number.
export function plural(key, number, values = {}) {
  return t(`${key}.${number === 1 ? "one" : "many"}`, { n: number, ...values });
}

// What the API says, as expressions with the values in it, and how the page's language says it.
const sentences = Object.entries(texts)
  .filter(([key]) => key.startsWith("said."))
  .map(([key, text]) => {
    const parts = key.slice("said.".length).split(/\{(\w+)\}/);
    const expression = parts.map((part, at) => (at % 2 ? `(?<${part}>.+)` : part.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")));
    return [new RegExp(`^${expression.join("")}$`), text];
  });

export function say(sentence) {
  for (const [expression, text] of sentences) {
    const found = expression.exec(sentence);
    if (found) return text.replace(/\{(\w+)\}/g, (_, name) => found.groups[name]);
  }
  return sentence;
}

// What an error of the API means: by its code, with its detail where that says more. Fields that are not valid say
// so themselves; of other errors, what they are about is in the text.
export function explain({ code, title, detail, errors = [] }) {
  if (code === "invalid_option" && errors.length) return errors.map(fieldProblem).join("; ");
  const details = errors.length ? errors.map(({ message }) => message) : [detail ?? ""];
  const more = details.filter((one) => one && one !== title).map(say).join("; ");
  const text = texts[`errors.${code}`];
  if (!text) return more || detail || code;
  return !more || code === "internal_error" ? text : `${text}: ${more}`;
}

// A field by its label, beside the API's name for it.
function fieldProblem({ field, message }) {
  const name = field.replace(/^options\./, "");
  const label = texts[`option.${name.replace(/[.[].*/, "")}.label`];
  return `${label ? `${label} (${name})` : name}: ${say(message)}`;
}

// The scripts' texts, in the page's language.

const texts = JSON.parse(document.getElementById("texts").textContent);

export function t(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What an error of the API means: by its code, with its detail where that says more.
export function explain({ code, title, detail, errors }) {
  const text = texts[`errors.${code}`];
  const more = errors?.length ? errors.map(fieldProblem).join("; ") : detail;
  if (!text) return more || code;
  return !more || more === title || code === "internal_error" ? text : `${text}: ${more}`;
}

// A field by its label, beside the API's name for it.
function fieldProblem({ field, message }) {
  const name = field.replace(/^options\./, "");
  const label = texts[`option.${name.replace(/[.[].*/, "")}.label`];
  return `${label ? `${label} (${name})` : name}: ${message}`;
}

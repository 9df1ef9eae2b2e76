// The scripts' texts, in the page's language.

const texts = JSON.parse(document.getElementById("texts").textContent);

export function t(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

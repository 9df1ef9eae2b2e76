// The filters of a list: dates in the viewer's time zone, a URL without empty parameters.

const form = document.querySelector("[data-filters]");

function localDate(moment) {
  const pad = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
}

for (const input of form?.querySelectorAll("[data-moment-value]") ?? []) {
  input.value = localDate(new Date(input.dataset.momentValue));
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const parameters = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (!value) continue;
    // A day starts at midnight of the viewer's time zone.
    parameters.set(name, form.elements[name].type === "date" ? new Date(`${value}T00:00`).toISOString() : value);
  }
  const query = parameters.toString();
  location.assign(form.action + (query ? `?${query}` : ""));
});

for (const select of form?.querySelectorAll("select") ?? []) {
  select.addEventListener("change", () => form.requestSubmit());
}

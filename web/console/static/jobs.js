// The job list: dates in the viewer's time zone, a URL without empty parameters, sortable columns.

const form = document.querySelector("[data-filters]");

function localDate(moment) {
  const pad = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
}

for (const input of form.querySelectorAll("[data-moment-value]")) {
  input.value = localDate(new Date(input.dataset.momentValue));
}

form.addEventListener("submit", (event) => {
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

for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => form.requestSubmit());
}

const table = document.querySelector("[data-sortable]");
for (const header of table?.querySelectorAll("[data-sort]") ?? []) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  header.append(button);
  button.addEventListener("click", () => sortBy(header));
}

// Sorts the rows of this page; an error row stays below its job.
function sortBy(header) {
  const descending = header.getAttribute("aria-sort") !== "descending";
  const column = [...header.parentElement.children].indexOf(header);
  const body = table.tBodies[0];
  const groups = [];
  for (const row of body.rows) {
    if (row.classList.contains("reason")) groups.at(-1).push(row);
    else groups.push([row]);
  }
  const value = (group) => Number(group[0].cells[column].dataset.value);
  groups.sort((one, other) => (descending ? value(other) - value(one) : value(one) - value(other)));
  body.append(...groups.flat());
  for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
}

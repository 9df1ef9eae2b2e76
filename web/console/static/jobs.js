// The job list: sortable columns.

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

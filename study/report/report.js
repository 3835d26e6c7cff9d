// Sorts a table by the column whose heading is clicked: numbers descending first, text ascending first.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rows = [...table.tBodies[0].rows];
      const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
      const numeric = rows.some(row => row.cells[column].dataset.v !== undefined) || (column > 0 && rows.every(row => /^[-+−±]?[.\d]/.test(value(row)) || /^[–-]?$/.test(value(row))));
      const was = head.getAttribute("aria-sort");
      const down = was ? was === "ascending" : numeric;
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const number = row => { const x = parseFloat(value(row).replace("−", "-").replace(/[±,]/g, "")); return isNaN(x) ? -Infinity : x; };
      rows.sort((a, b) => (numeric ? number(a) - number(b) : value(a).localeCompare(value(b))) * (down ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}

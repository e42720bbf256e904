"use strict";
for (const button of document.querySelectorAll("[data-ringotel-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

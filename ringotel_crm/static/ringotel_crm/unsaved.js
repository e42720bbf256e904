// Warns before a page is left whose form has unsaved changes.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector(".change-form #content-main form[id$='_form']");
    if (!form) return;
    // Django's script moves the options of these, which is not a change.
    const filters = new Set(Array.from(form.querySelectorAll("[class^=selectfilter]"), (select) => select.name));
    const values = () => JSON.stringify([...new FormData(form)].filter(([name]) => !filters.has(name)));
    // After errors, the form has values that were typed and not saved.
    let saved = form.querySelector(".errornote") ? null : values();
    form.addEventListener("submit", () => { saved = values(); });
    window.addEventListener("beforeunload", (event) => {
        if (values() !== saved) event.preventDefault();
    });
});

// Enhances the staff pages. All of them work without it.
"use strict";
(() => {
    // The browser's region, such as that of "en-IE", if the page is in the browser's language.
    const pageLanguage = document.documentElement.lang || undefined;
    const language = navigator.languages.find((tag) => tag.split("-")[0] === pageLanguage?.split("-")[0]) || pageLanguage;

    // Show times in the browser's time zone.
    function localTimes(root) {
        const short = {day: "numeric", month: "short", hour: "numeric", minute: "2-digit"};
        const thisYear = new Intl.DateTimeFormat(language, short);
        const otherYear = new Intl.DateTimeFormat(language, {...short, year: "numeric"});
        const zone = thisYear.resolvedOptions().timeZone;
        for (const element of root.querySelectorAll("time[datetime]:not([data-ringotel-since])")) {
            const time = new Date(element.dateTime);
            if (!isNaN(time) && element.dateTime.includes("T")) {
                element.textContent = (time.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(time);
                element.title = zone;
            }
        }
    }

    async function copy(button) {
        const source = document.getElementById(button.dataset.ringotelCopy);
        try {
            await navigator.clipboard.writeText(source.textContent);
        } catch {
            getSelection().selectAllChildren(source); // select it, ready to be copied
            return;
        }
        const word = button.textContent;
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = word; }, 2000);
    }

    // Show contacts with the same number or e-mail address while the form is filled in.
    function duplicates(form) {
        const notice = document.getElementById("ringotel-duplicates");
        let timer = 0, lastQuery = "";
        async function lookUp() {
            const query = new URLSearchParams();
            for (const input of form.querySelectorAll(`input[type="email"], ${notice.dataset.inputs}`)) {
                if (input.value.trim()) query.append(input.type === "email" ? "email" : "number", input.value);
            }
            if (query.toString() === lastQuery) return;
            lastQuery = query.toString();
            const response = lastQuery ? await fetch(`${notice.dataset.url}&${lastQuery}`) : null;
            notice.innerHTML = response && response.ok ? await response.text() : "";
        }
        form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(lookUp, 400); });
        lookUp();
    }

    // Make Django's own widgets accessible by keyboard and screen reader.
    function improveAccessibility() {
        for (const select of document.querySelectorAll("select.admin-autocomplete")) {
            const box = select.parentElement.querySelector(".select2-selection");
            const label = select.labels[0];
            if (box && label) {
                label.id ||= `${select.id}_label`;
                const shown = box.querySelector(".select2-selection__rendered");
                box.setAttribute("aria-labelledby", `${label.id} ${shown.id}`);
                shown.setAttribute("aria-labelledby", label.id);
            }
        }
        for (const cell of document.querySelectorAll(".tabular td[class*=field-], .tabular td.delete")) {
            const name = cell.className.match(/field-([\w-]+)/)?.[1];
            const head = cell.closest("table").querySelector(name ? `th.column-${name}` : "th:last-child");
            for (const control of cell.querySelectorAll("input:not([type=hidden]), select, textarea")) {
                if (head && !control.labels.length) control.setAttribute("aria-label", head.firstChild.textContent.trim());
            }
        }
        for (const input of document.querySelectorAll(".datetime input")) {
            if (!input.labels.length) input.setAttribute("aria-label", input.previousSibling.textContent.trim());
        }
        for (const region of document.querySelectorAll("#content .wrapper, #content .results, #content .inline-group")) {
            if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
        }
    }

    document.addEventListener("formset:added", improveAccessibility);
    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-ringotel-copy]");
        if (button) copy(button);
    });
    document.addEventListener("DOMContentLoaded", () => {
        localTimes(document);
        window.django?.jQuery ? django.jQuery(improveAccessibility) : improveAccessibility(); // after Django's scripts
        const notice = document.getElementById("ringotel-duplicates");
        if (notice) duplicates(document.getElementById(notice.dataset.form));
    });
})();

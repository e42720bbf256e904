// Plays recordings. Without it, the browser's own player is shown, and links open the audio.
"use strict";
(() => {
    const BACK = 10, STEP = 5, PAGE = 30; // seconds
    let speed = "1"; // of all players on the page

    function formatSeconds(seconds) {
        const pad = (number) => String(number).padStart(2, "0");
        const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
        return (hours ? `${hours}:${pad(minutes)}` : minutes) + ":" + pad(Math.floor(seconds) % 60);
    }

    function enhance(player) {
        const audio = player.querySelector("audio");
        const find = (name) => player.querySelector(`.ringotel-player-${name}`);
        const [toggle, wave, progress, time, rate] = ["toggle", "wave", "progress", "time", "rate"].map(find);
        const length = () => (Number.isFinite(audio.duration) ? audio.duration : Number(player.dataset.seconds) || 0);

        function update() {
            const [now, end] = [Math.min(audio.currentTime, length()), length()];
            progress.style.inlineSize = end ? `${100 * now / end}%` : "0";
            time.textContent = `${formatSeconds(now)} / ${formatSeconds(end)}`;
            wave.setAttribute("aria-valuemax", Math.floor(end));
            wave.setAttribute("aria-valuenow", Math.floor(now));
            wave.setAttribute("aria-valuetext", time.textContent);
            toggle.textContent = audio.paused ? "▶" : "❚❚";
            toggle.setAttribute("aria-label", audio.paused ? player.dataset.play : player.dataset.pause);
        }

        function seek(seconds) {
            audio.currentTime = Math.max(0, Math.min(seconds, length()));
            update();
        }

        function start() {
            audio.playbackRate = Number(speed);
            audio.play().catch(() => {}); // the "error" event reports why
        }

        toggle.addEventListener("click", () => (audio.paused ? start() : audio.pause()));
        find("back").addEventListener("click", () => seek(audio.currentTime - BACK));
        rate.value = speed;
        rate.addEventListener("change", () => { speed = rate.value; audio.playbackRate = Number(speed); });
        wave.addEventListener("click", (event) => {
            const box = wave.getBoundingClientRect();
            seek(length() * (event.clientX - box.left) / box.width);
        });
        wave.addEventListener("keydown", (event) => {
            const target = {
                ArrowRight: audio.currentTime + STEP, ArrowUp: audio.currentTime + STEP,
                ArrowLeft: audio.currentTime - STEP, ArrowDown: audio.currentTime - STEP,
                PageUp: audio.currentTime + PAGE, PageDown: audio.currentTime - PAGE,
                Home: 0, End: length(),
            }[event.key];
            if (target === undefined && event.key !== " ") return;
            event.preventDefault();
            event.key === " " ? toggle.click() : seek(target);
        });
        for (const name of ["play", "pause", "timeupdate", "durationchange", "seeked", "ended"]) {
            audio.addEventListener(name, update);
        }
        audio.addEventListener("play", () => {
            for (const other of document.querySelectorAll("audio")) {
                if (other !== audio) other.pause();
            }
        });
        audio.addEventListener("error", () => { find("error").textContent = player.dataset.error; });
        audio.controls = false;
        for (const element of player.querySelectorAll("[hidden]")) element.hidden = false;
        update();
        return {start, toggle};
    }

    // Where the player of a link opens: in a row or a line of its own, so that nothing else moves.
    function makePlace(link) {
        const row = link.closest("#result_list tr");
        const place = document.createElement("div");
        place.className = "ringotel-player-place";
        if (!row) {
            link.closest("p, td, div").after(place);
            return [place, [place]];
        }
        const [added, spacer] = [document.createElement("tr"), document.createElement("tr")];
        const cell = added.insertCell();
        cell.colSpan = row.cells.length;
        cell.append(place);
        spacer.hidden = true; // the rows below keep their colours
        row.after(added, spacer);
        return [place, [added, spacer]];
    }

    const opened = new WeakMap(); // the elements added for a link

    function close(link) {
        for (const element of opened.get(link)) element.remove();
        opened.delete(link);
        link.setAttribute("aria-expanded", "false");
    }

    async function open(link) {
        const [place, added] = makePlace(link);
        opened.set(link, added);
        link.setAttribute("aria-expanded", "true");
        const response = await fetch(link.dataset.ringotelPlayer).catch(() => null);
        if (opened.get(link) !== added) return; // closed in the meantime
        if (!response?.ok || response.redirected) {
            close(link);
            location.href = link.href;
            return;
        }
        place.innerHTML = await response.text();
        const {start, toggle} = enhance(place.querySelector(".ringotel-player"));
        start();
        toggle.focus({preventScroll: true});
        place.addEventListener("keydown", (event) => {
            if (event.key === "Escape") {
                close(link);
                link.focus();
            }
        });
    }

    document.addEventListener("click", (event) => {
        const link = event.target.closest("[data-ringotel-player]");
        if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            opened.has(link) ? close(link) : open(link);
        }
    });
    document.addEventListener("DOMContentLoaded", () => {
        for (const player of document.querySelectorAll(".ringotel-player")) enhance(player);
    });
})();

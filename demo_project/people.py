"""Invented people. Their numbers are from ranges that are reserved for fiction, or unassigned."""

from __future__ import annotations

# Username, first name, last name, extension, role.
STAFF = [
    ("ada", "Ada", "Sample", "500", "agent"),
    ("ben", "Ben", "Example", "501", "agent"),
    ("cleo", "Cleo", "Placeholder", "502", "supervisor"),
    ("dan", "Dan", "Fictional", "503", "agent"),
    ("demo", "Dee", "Demo", "504", "administrator"),
]
# Username by role.
LOGINS = {"administrator": "demo", "supervisor": "cleo", "agent": "ada"}

# Company, its number, first name, last name, title, work number and mobile number as typed.
CONTACTS = [
    (
        "Imaginary Oats Ltd",
        "020 915 0100",
        "Nora",
        "Notreal",
        "Buyer",
        "(020) 915-0101",
        "083 920 0101",
    ),
    ("Imaginary Oats Ltd", "020 915 0100", "Odhran", "Invented", "Owner", "020 915 0102", ""),
    (
        "Makebelieve Marine",
        "020 915 0200",
        "Pia",
        "Pretend",
        "Skipper",
        "+353 (0)20 915 0201",
        "+353 83 920 0201",
    ),
    (
        "Fable & Sons",
        "+44 20 7946 0300",
        "Quentin",
        "Fable",
        "Director",
        "+44 (0)20 7946 0301",
        "+44 7700 900301",
    ),
    ("Fable & Sons", "+44 20 7946 0300", "Rosa", "Fable", "Accounts", "0044 20 7946 0302", ""),
    ("Phantom Press", "+1 (212) 555-0140", "Sam", "Nemo", "Editor", "+1 212-555-0141", ""),
    (
        "Phantom Press",
        "+1 (212) 555-0140",
        "Tess",
        "Testperson",
        "Sales",
        "+1.212.555.0142 ext. 7",
        "",
    ),
    ("Musterwerk GmbH", "+49 30 23125 400", "Uwe", "Muster", "Einkauf", "0049 30 23125-401", ""),
    (
        "Musterwerk GmbH",
        "+49 30 23125 400",
        "Vera",
        "Beispiel",
        "Leitung",
        "+49 (0)30 / 23125 402",
        "",
    ),
    (
        "Société Fictive",
        "+33 1 99 00 50 00",
        "Wanda",
        "Inventée",
        "Achats",
        "+33 1 99 00 50 01",
        "",
    ),
    (
        "Dreamtime Tools",
        "+61 2 5550 6000",
        "Xan",
        "Unreal",
        "Workshop",
        "+61 2 5550 6001",
        "+61 491 570 006",
    ),
    (
        "Påhittade Bolaget",
        "+46 8 465 004 00",
        "Ylva",
        "Påhittad",
        "Lager",
        "+46 (0)8-465 004 01",
        "",
    ),
    # The same person again: "Find duplicates" lists the two.
    ("", "", "Pia", "Pretend", "", "", "083 920 0201"),
    ("", "", "Zoe", "Solo", "", "", "083 920 0700"),
    ("", "", "أمينة", "الخيالية", "", "", "+353 83 920 0701"),
]

"""``ringotel_import_contacts`` with files as other products export them."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ringotel_crm.minicrm.models import Contact, ContactImport
from tests.factories import make_contact, make_user

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).parent.parent / "data/contacts"

# First name, last name, company, job title, e-mail, and numbers as typed, with their kinds.
Person = tuple[str, str, str, str, str, list[str]]

ORLA: list[Person] = [
    (
        "Orla",
        "Kinsella",
        "Harbour Bakery",
        "Owner",
        "orla@harbour.example",
        ["mobile +353 87 765 4321", "work 021 202 8252"],
    ),
    (
        "Björn",
        "Öberg",
        "Nordfrakt AB",
        "",
        "bjorn@nordfrakt.example",
        ["mobile +46 70 123 45 67", "mobile +46 8 123 456 78"],
    ),
    ("", "", "", "", "", ["work +44 20 7183 8750"]),
    ("", "", "Taxi rank", "", "", ["work (021) 427 2222"]),
    ("محمد", "الحربي", "", "", "", ["mobile +966 50 123 4567"]),
    ("Zoë 🌼", "O'Neill", "", "", "", ["fax +353 1 234 5678", "mobile 087 111 2233"]),
]
OUTLOOK: list[Person] = [
    (
        "Siobhán",
        "Ní Dhomhnaill",
        "Dún Laoghaire Boats",
        "Bursar",
        "siobhan@boats.example",
        ["mobile +353 (87) 222 3344", "work +353 (1) 234 5678"],
    ),
    (
        "Jürgen",
        "Weiß",
        "Müller & Söhne",
        "",
        "",
        ["fax +49 (30) 1234568", "home 030/7654321", "work +49 (30) 1234567"],
    ),
    (
        "Anne-Lise",
        "D’Été",
        "Café “Étoile”",
        "",
        "",
        ["work +33 1 42 68 53 01", "work 01 42 68 53 00"],
    ),
]
FILES: dict[str, list[Person]] = {
    "google2024.csv": ORLA,
    "outlook.csv": OUTLOOK,
    "outlook_utf8.csv": OUTLOOK,
    "hubspot.csv": [
        (
            "Petra",
            "Novák",
            "Strojírna s.r.o.",
            "CFO",
            "petra.novak@example.cz",
            ["mobile +420777123457", "work +420 777 123 456"],
        ),
        ("Tomás", "de la Cruz", "Agua Fría", "", "tomas@example.mx", ["work +52 1 55 1234 5678"]),
        ("", "", "", "", "info@shop.example", ["work (415) 555-2671"]),
    ],
    "salesforce.csv": [
        (
            "Chidi",
            "Okafor",
            "",
            "VP, Sales",
            "chidi@okafor.example",
            ["mobile +1 415-555-2672", "work (415) 555-2671 x204"],
        ),
        ("伟", "Li", "", "", "wei@li.example", ["home 010-62345679", "work +86 10 6234 5678"]),
    ],
    "icloud.vcf": [
        (
            "Aoife Marie",
            "Byrne",
            "Cork Sails, Ltd.",
            "Sailmaker",
            "aoife@sails.example",
            ["fax 021 202 8299", "mobile 087 765 4321", "work +353 21 202 8252"],
        ),
        ("", "", "Harbour Bakery", "", "", ["work +353 21 427 2222"]),
        ("משה", "Tal", "", "", "", ["mobile tel:+972-50-123-4567"]),
        ("Ned", "Nobody", "", "", "", ["work +44 20 7946 0123"]),
    ],
    "vcard4.vcf": [
        (
            "Simone",
            "Sample",
            "Example S.A.",
            "Head of Sales",
            "simone@sample.example",
            ["mobile tel:+1-418-262-6501", "work tel:+1-418-656-9254;ext=102"],
        ),
        ("Iris", "Only-Name", "", "", "", ["home +44 20 7946 0124"]),
    ],
    "vcard21.vcf": [
        (
            "Björn",
            "Öberg",
            "Nordfrakt AB",
            "",
            "bjorn@nordfrakt.example",
            ["fax +46 8 123 456 79", "mobile +46701234567", "work +46 8 123 456 78"],
        ),
    ],
    "outlook_com.csv": [
        (
            "Grace",
            "Sample",
            "Sample Ltd",
            "Engineer",
            "grace@sample.example",
            ["home +44 20 7946 0130", "mobile 07700 900123", "work +44 20 7946 0131"],
        ),
    ],
    "outlook_de.csv": [
        (
            "Käthe",
            "Groß",
            "Bäckerei Groß",
            "Inhaberin",
            "kaethe@gross.example",
            [
                "fax +49 (30) 1234569",
                "home 030/7654321",
                "mobile +49 171 1234567",
                "work +49 (30) 1234567",
            ],
        ),
    ],
    "thunderbird.csv": [
        (
            "Jörg",
            "Muster",
            "Muster GmbH",
            "Leiter",
            "joerg@muster.example",
            ["fax 030 1234568", "home 030 7654321", "mobile 0171 1234567", "work 030 1234567"],
        ),
        ("Erika", "Beispiel", "", "", "erika@beispiel.example", []),
    ],
    "zoho.csv": [
        (
            "Sage",
            "Sample",
            "Sample Associates",
            "VP Accounting",
            "sage@sample.example",
            ["fax +44 20 7946 0141", "mobile 07700 900140", "work +44 20 7946 0140"],
        ),
    ],
    "pipedrive.csv": [
        (
            "Tomás",
            "de Prueba",
            "Agua Fría SA",
            "",
            "tomas@agua.example",
            ["work +52 55 1234 5678", "work +52 55 1234 5679"],
        ),
    ],
    "excel_de_sep.csv": [
        (
            "Jürgen",
            "Weiß",
            "Müller & Söhne",
            "",
            "juergen@mueller.example",
            ["mobile 0171 1234567", "work 030/7654321"],
        ),
    ],
    "excel_mac.csv": [
        ("Siobhán", "O’Neill", "", "", "", ["mobile 087 765 4321"]),
        ("José", "Núñez", "", "", "", ["mobile 087 765 4322"]),
    ],
    "ringotel.csv": [
        (
            "Ada",
            "Example",
            "Sample Ltd",
            "Buyer",
            "ada@example.com",
            ["mobile +353877654321", "mobile +353877654322", "work +353212028252"],
        ),
    ],
}


def people() -> list[Person]:
    return [
        (
            contact.first_name,
            contact.last_name,
            contact.organization.name if contact.organization else "",
            contact.job_title,
            contact.email,
            sorted(f"{number.kind} {number.raw}" for number in contact.phones.all()),
        )
        for contact in Contact.objects.order_by("pk")
    ]


def run(*arguments: Any) -> str:
    out, err = StringIO(), StringIO()
    call_command("ringotel_import_contacts", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_export_of_another_product_is_imported_as_it_is(name: str) -> None:
    output = run(SAMPLES / name)

    assert people() == FILES[name]
    assert "refused: 0\n" in output
    assert "created: 0, changed: 0" in run(SAMPLES / name)


def test_dry_run_reports_and_writes_nothing() -> None:
    output = run(SAMPLES / "outlook.csv", "--dry-run")

    assert "created: 3, changed: 0, unchanged: 0, refused: 0 (dry run" in output
    assert not Contact.objects.exists()
    assert not ContactImport.objects.exists()


def test_refused_rows_are_written_with_their_reasons(tmp_path: Path) -> None:
    file, refused = tmp_path / "x.csv", tmp_path / "refused.csv"
    file.write_text("name,phone,shoe size\nAnn,087 765 4321,39\nBob,3.53212E+11,42\n,,43\n")

    output = run(file, "--refused", refused)

    assert "created: 1, changed: 0, unchanged: 0, refused: 2\n" in output
    assert "shoe size: (ignored)" in output
    assert "Row 3 refused: “3.53212E+11” was rounded by a spreadsheet." in output
    rows = list(csv.DictReader(StringIO(refused.read_text(encoding="utf-8-sig"))))
    assert [(row["name"], row["Row in the file"]) for row in rows] == [("Bob", "3"), ("", "4")]
    assert "rounded" in rows[0]["Reason"]


def test_columns_can_be_mapped_and_ignored(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("Kunde,Durchwahl,Telefon\nAnn Lee,087 765 4321,021 202 8252\n")

    run(file, "--map", "Kunde=name", "--map", "Durchwahl=mobile_phone", "--map", "Telefon=")

    assert people() == [("Ann", "Lee", "", "", "", ["mobile 087 765 4321"])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "Kunde"], "write COLUMN=FIELD"),
        (["--map", "Kunde=shoe_size"], "Fields: first_name"),
        (["--map", "Kundin=name"], "no such column. Columns: Kunde"),
        ([], "No column was recognized"),
        (["--encoding", "klingon"], "Unknown encoding"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, arguments: list[str], message: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text("Kunde\nAnn Lee\n")

    with pytest.raises(CommandError, match=message):
        run(file, *arguments)

    assert not Contact.objects.exists()


def test_missing_and_unreadable_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing\.csv: No such file"):
        run(tmp_path / "missing.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(CommandError, match="The file is empty"):
        run(tmp_path / "empty.csv")


def test_import_belongs_to_the_user() -> None:
    una = make_user("una")

    run(SAMPLES / "outlook.csv", "--user", "una")

    job = ContactImport.objects.get()
    assert (job.user, job.file_name, job.status) == (una, "outlook.csv", "done")


def test_contact_that_was_there_is_changed(tmp_path: Path) -> None:
    make_contact("Ann Lee", "+353 87 765 4321", job_title="Clerk")
    file = tmp_path / "x.csv"
    file.write_text("name,mobile,title\nAnn Lee,087 765 4321,Buyer\n")

    assert "created: 0, changed: 1" in run(file)
    assert people() == [("Ann", "Lee", "", "Buyer", "", ["work +353 87 765 4321"])]


def test_help_lists_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("ringotel_import_contacts", "--help")

    output = capsys.readouterr().out
    assert "mobile_phone" in output
    assert "ringotel_import_contacts contacts.csv --dry-run" in output

"""Recognize the columns of other products by their headers.

Headers are compared without regard to case, accents, punctuation and camel case. Names are looked
up as a whole. Phone and e-mail headers are recognized word by word: each word must be known, so
``Company Main Phone`` is a phone while ``Phone Verified`` and ``Email Opt Out`` are not.

    >>> recognize(["First Name", "MobilePhone", "E-mail 1 - Value", "Favourite colour"])
    ['first_name', 'mobile_phone', 'email', '']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MAX_TITLE_ROWS = 25

NAMES = {
    "first_name": (
        "first|first name|firstname|forename|given name|givenname|vorname|vornamen|rufname|prenom|"
        "nombre|nome|voornaam|fornavn|fornamn|imie|jmeno|etunimi"
    ),
    "middle_name": "middle|middle name|additional name|zweiter vorname|weitere vornamen|2 vorname",
    "last_name": (
        "last|last name|lastname|surname|family name|familyname|nachname|familienname|zuname|"
        "nom de famille|apellido|apellidos|cognome|sobrenome|achternaam|etternavn|efternavn|"
        "efternamn|nazwisko|prijmeni|sukunimi"
    ),
    "name": (
        "name|full name|fullname|display name|displayname|file as|contact name|contact|nickname|"
        "anzeigename|vollstandiger name|kontakt|kontaktname|ansprechpartner|spitzname|nom|"
        "nom complet|nombre completo|nome completo|naam|volledige naam|formatted name"
    ),
    "company": (
        "company|company name|companyname|organization|organisation|organization name|"
        "organizationname|organisation name|associated company|account|account name|accountname|"
        "employer|business name|firma|firmenname|unternehmen|betrieb|gesellschaft|societe|"
        "entreprise|empresa|organizacion|compania|azienda|societa|bedrijf|bedrijfsnaam|foretag|"
        "org|primary company"
    ),
    "job_title": (
        "job title|jobtitle|position|role|job|organization title|job position|beruf|funktion|"
        "berufsbezeichnung|stellenbezeichnung|arbeitstitel|titel arbeitstitel|fonction|poste|"
        "cargo|puesto|functie|ruolo|qualifica"
    ),
}
_NAMES = {text: field for field, texts in NAMES.items() for text in texts.split("|")}

# The kind of a phone, by words in a header or label. The first kind with a matching word is used.
KIND_WORDS = {
    "fax": "fax faxnummer telefax facsimile telefaxnummer",
    "mobile": (
        "mobile mobilephone mobil mobiltelefon mobilnummer mobilfunk mobilfunknummer mobiltel "
        "handy handynummer "
        "cell cellular cellphone iphone gsm natel whatsapp portable movil cellulare celular "
        "mobiel mobieltje mob"
    ),
    "home": (
        "home homephone privat private privattelefon privatnummer hause zuhause festnetz personal "
        "domicile casa particular thuis prive hjem hem"
    ),
    "other": (
        "other otherphone car pager callback radio isdn tty tdd weitere weiterer weiteres andere "
        "anderes sonstige sonstiges autotelefon ruckruf ruckmeldung autre otro altro outro overig"
    ),
    "work": (
        "work workphone business office company corporate hq main headquarters direct geschaftlich "
        "gesch dienstlich dienst arbeit buro firma zentrale durchwahl haupttelefon "
        "geschaftstelefon "
        "diensttelefon firmentelefon bureau professionnel travail trabajo oficina empresa ufficio "
        "lavoro werk zakelijk arbete arbejde"
    ),
}
_KINDS = {word: kind for kind, words in KIND_WORDS.items() for word in words.split()}

_PHONE_WORDS = frozenset(
    "phone phones telephone telephones telefon telefone telefono telefoon tel fon rufnummer "
    "telefonnummer phonenumber mobilephone mobiltelefon autotelefon haupttelefon "
    "privattelefon geschaftstelefon diensttelefon firmentelefon festnetz workphone homephone "
    "otherphone pager".split()
)
_EMAIL_WORDS = frozenset(
    "email emails emailaddress emailadresse emailadres courriel correo messagerie "
    "mailadresse".split()
)
_FILLERS = frozenset(
    "number numbers nummer numero nr no num value values primary secondary preferred default "
    "alternate alternative additional line voice standard person contact kontakt primar primare "
    "sekundar sekundare der des de du la le per und and haupt haupttel principal the yahoo".split()
)
_ADDRESS_WORDS = frozenset(
    "address addresses adresse adres electronico electronica elettronica posta".split()
)
_LABEL_WORDS = frozenset("label type typ kind art".split())


def normalize(header: str) -> str:
    """Return the words of a header: ``"E-mail 1 - Value"`` becomes ``"email 1 value"``."""
    text = re.sub(r"(?<=[a-zß-ÿ]{2})(?=[A-Z])", " ", header)
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = re.sub(r"\be[\s_-]?mail", "email", text)
    return " ".join(re.findall(r"[^\W\d_]+|\d+", text))


def kind_from_label(label: str) -> str:
    """Return the kind of phone that a label such as ``"* Work"`` or ``"Fax, privat"`` names."""
    words = set(normalize(label).split())
    return next(
        (kind for kind in KIND_WORDS if any(_KINDS.get(word) == kind for word in words)), "other"
    )


def recognize(headers: Sequence[str]) -> list[str]:
    """Return the field of each column, ``""`` where it is not recognized.

    A few headers depend on the others: ``Title`` is a salutation next to ``Job Title``, ``Name`` is
    the last name next to ``Vorname``, and ``Home`` is a phone next to ``Mobile``.
    """
    texts = [normalize(header) for header in headers]
    columns = [(text, _field(text)) for text in texts]
    fields = {field for _text, field in columns}
    phones = {_stem(text) for text, field in columns if field.endswith("_phone")}
    has_bare_kind = any(_is_bare(text) and field.endswith("_phone") for text, field in columns)

    def resolve(text: str, field: str) -> str:
        if not field and has_bare_kind and _is_bare(text):
            return f"{kind_from_label(text)}_phone"
        if text == "title" and "job_title" not in fields:
            return "job_title"
        is_last_name = text in ("name", "nom", "naam") and "first_name" in fields
        if is_last_name and "last_name" not in fields:
            return "last_name"
        if field == "phone_label" and _stem(text) not in phones:
            return ""
        return field

    return [resolve(text, field) for text, field in columns]


def is_mapped(fields: Sequence[str]) -> bool:
    """Return whether any column holds a name, a number or an address."""
    return any(field and field not in ("company", "job_title", "phone_label") for field in fields)


def label_columns(headers: Sequence[str], fields: Sequence[str]) -> dict[int, int]:
    """Return the index of the label column of each phone column that has one.

    They share their words, as ``Phone 1 - Label`` and ``Phone 1 - Value`` do. A label column that
    shares them with no other column belongs to the phone column that follows.
    """
    stems = [_stem(normalize(header)) for header in headers]
    phones = [index for index, field in enumerate(fields) if field.endswith("_phone")]
    labels = {}
    for label in (index for index, field in enumerate(fields) if field == "phone_label"):
        same = [index for index in phones if stems[index] == stems[label]]
        following = [index for index in phones if index > label]
        for index in (same or following)[:1]:
            labels[index] = label
    return labels


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """Return the index of the header among the first of ``rows``, -1 if the file has none.

    The header is the row with the most recognized columns. Without any, it is the first of the
    widest rows, unless that row already holds a phone number or an e-mail address.
    """
    first = rows[:MAX_TITLE_ROWS]
    scores = [count_recognized(row) for row in first]
    best = max(range(len(first)), key=lambda index: (scores[index], -index))
    if scores[best]:
        return best
    widest = max(range(len(first)), key=lambda index: (sum(map(bool, first[index])), -index))
    has_values = any(
        re.search(r"\d{6}|@.+\.", re.sub(r"[\s()/-]", "", cell))
        for row in first[widest:][:1]
        for cell in row
    )
    return -1 if has_values else widest


def count_recognized(row: Sequence[str]) -> int:
    """Return how many distinct fields the cells of a row name, were it the header."""
    return len({field for field in recognize(row) if field})


def _is_bare(text: str) -> bool:
    """Return whether a header is the kind of a phone only, such as ``Home`` or ``Business 2``."""
    words = [word for word in text.split() if not word.isdigit()]
    return len(words) == 1 and words[0] in _KINDS


def _stem(text: str) -> str:
    return " ".join(
        word
        for word in text.split()
        if word not in _LABEL_WORDS and word not in ("value", "number")
    )


def _field(text: str) -> str:
    words = [word for word in text.split() if not word.isdigit()]
    if field := _NAMES.get(text) or _NAMES.get(" ".join(words)):
        return field
    if (
        words
        and words[0] in ("person", "contact", "kontakt", "lead")
        and (field := _NAMES.get(" ".join(words[1:])))
    ):
        return field
    is_label = not _LABEL_WORDS.isdisjoint(words)
    unknown = [word for word in words if word not in _FILLERS and word not in _LABEL_WORDS]
    if any(word in _EMAIL_WORDS or word == "mail" for word in words):
        is_known = all(
            word in _EMAIL_WORDS | _ADDRESS_WORDS or word in _KINDS
            for word in unknown
            if word != "mail"
        )
        is_email = not is_label and is_known and (text == "mail" or "mail" not in unknown)
        return "email" if is_email else ""
    kinds = [word for word in unknown if word in _KINDS]
    is_phone = any(
        word in _PHONE_WORDS or _KINDS.get(word) in ("fax", "mobile") for word in unknown
    )
    if not is_phone or any(word not in _KINDS and word not in _PHONE_WORDS for word in unknown):
        return ""
    if is_label:
        return "phone_label"
    return f"{kind_from_label(text)}_phone" if kinds else "work_phone"

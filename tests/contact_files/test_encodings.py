from __future__ import annotations

import io

import pytest
from pytest_django import Settings

from ringotel_crm.contact_files.encodings import detect

WESTERN = {
    "irish": "Siobhán;Ní Dhomhnaill;Dún Laoghaire Boats\n",
    "german": "Vorname;Nachname;Telefon geschäftlich\nJürgen;Weiß;030 1234567\n",
    "spanish": "José;Núñez;Peña\n",
    "swedish": "Björn;Öberg;Åkeri\n",
    "norwegian": "Bjørn;Ødegård;Sør\nÅse;Lærum;\n",
    "finnish": "Mäkinen;Sähköpostiosoite;Väisänen\n",
    "portuguese": "João;Gonçalves;São Paulo\nConceição;Simões;\n",
    "french": "Prénom;Nom;Société;Téléphone\nFrançois;Lefèvre;Hôtel Noël\n",
    "italian": "Niccolò;Forlì;Società\n",
}
OTHERS = {
    "cp1250": "Łukasz;Wiśniewski;Spółka\nZażółć;Gęślą;Jaźń\n",
    "cp852": "Michał;Kowalczyk;Łódź\nAgnieszka;Dąbrowska;Kraków\n",
    "cp1251": "Иван;Петров;Москва\nОльга;Сидорова;ООО Ромашка\n",
    "cp866": "Иван;Петров;Москва\nОльга;Сидорова;ООО Ромашка\n",
    "cp1253": "Γιώργος;Παπαδόπουλος;Αθήνα\n",
    "shift_jis": "田中;太郎;株式会社サンプル\n",
    "gb18030": "李;伟;北京公司\n王;芳;上海有限公司\n",
}
REGIONAL = {
    "CZ": ("cp1250", "Petra;Nováková;Strojírna Třebíč\nJiří;Dvořák;Žďár\n"),
    "HU": ("cp1250", "István;Kovács;Győr\nÉva;Szűcs;Pécs\n"),
    "TR": ("cp1254", "Ayşe;Yıldız;İstanbul Çiçek\nŞükrü;Öğüt;Ğ\n"),
}


def decoded(raw: bytes, errors: str = "strict") -> str:
    return raw.decode(detect(io.BytesIO(raw)), errors)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac_roman", "cp850"]
)
@pytest.mark.parametrize("language", WESTERN)
def test_western_text_is_read_in_any_encoding_of_spreadsheets(language: str, encoding: str) -> None:
    text = WESTERN[language]

    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", OTHERS)
def test_other_code_pages_are_recognized(encoding: str) -> None:
    assert decoded(OTHERS[encoding].encode(encoding)) == OTHERS[encoding]


@pytest.mark.parametrize("region", REGIONAL)
def test_code_page_of_the_region_is_preferred(region: str, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": region}
    encoding, text = REGIONAL[region]

    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognized_without_a_mark(encoding: str) -> None:
    text = "First Name\tPhone\nSiobhán\t1\n"

    assert decoded(text.encode(encoding)) == text


def test_sign_at_the_end_of_a_large_file_decides() -> None:
    text = "a" * 200_000 + "é"

    assert decoded(text.encode("cp1252")) == text
    assert decoded(text.encode()) == text


def test_one_broken_sign_does_not_spoil_utf8() -> None:
    raw = "Siobhán;Jürgen;José;François;Łukasz;Zoë\n".encode() * 5 + b"\xff;\n"

    assert decoded(raw, "replace").count("Siobhán") == 5

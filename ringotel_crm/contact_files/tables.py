"""Open a file of contacts, whatever its format, as a table of text."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, BinaryIO
from zipfile import BadZipFile

from django.utils.translation import gettext as _

from . import encodings, headers, vcards

MAX_COLUMNS = 500
MAX_CELL = 1_000_000  # characters
_SAMPLE = 1 << 16
_SEPARATORS = ",;\t|"
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\ufffd]")
_OLE_MARK, _ZIP_MARK = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)

Row = tuple[int, list[str]]  # the line or row number in the file, and the cells


class UnreadableFile(ValueError):
    """The file cannot be read as a table; the message is shown to the user."""


@dataclass(kw_only=True)
class Table:
    """The header and the rows of a file. ``rows`` reads the file while it is iterated."""

    headers: list[str]
    rows: Iterator[Row]
    # The fields of the columns, where the format itself specifies them (vCard).
    fields: list[str] = field(default_factory=list)


def open_table(file: BinaryIO, *, encoding: str = "") -> Table:
    """Return the table in ``file``, which must be seekable and stay open while rows are read.

    The format is recognized by content. ``encoding`` overrides the detected one. Raises
    ``UnreadableFile``.
    """
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    if not head:
        raise UnreadableFile(_("The file is empty."))
    if head.startswith(_ZIP_MARK):
        return _with_header(_read_xlsx(file))
    if head.startswith(_OLE_MARK):
        raise UnreadableFile(
            _(
                "This is an old or a password-protected Excel file. "
                "Save it as XLSX without a password, or as CSV."
            )
        )
    try:
        encoding = codecs.lookup(encoding or encodings.detect(file)).name
    except LookupError as exc:
        raise UnreadableFile(_("Unknown encoding.")) from exc
    sample = codecs.getincrementaldecoder(encoding)("replace").decode(file.read(_SAMPLE))
    lines = _read_lines(file, encoding)
    if sample.lstrip("\ufeff\n\r\t ")[:12].casefold().startswith("begin:vcard"):
        columns = list(vcards.COLUMNS)
        return Table(headers=columns, fields=list(columns), rows=vcards.read(lines))
    is_binary = len(_CONTROLS.findall(sample)) > len(sample) // 100
    if is_binary or re.match(r"\s*(?:<|\{|%PDF)", sample):
        raise UnreadableFile(_("This is not a file of contacts. Choose a CSV, XLSX or vCard file."))
    return _with_header(_read_csv(lines, sample))


def _read_lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Yield the lines of a file with their line ends, and leave the file open."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        yield from text
    finally:
        with suppress(ValueError):  # the file was closed before all lines were read
            text.detach()


def _read_csv(lines: Iterator[str], sample: str) -> Iterator[Row]:
    """Yield the rows of a CSV file; its separator is the one that makes the best table."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    first_line = re.split(r"[\r\n]", sample, maxsplit=1)[0]
    declared = _SEPARATOR_LINE.fullmatch(first_line.strip("\ufeff"))
    separator = (
        declared[1]
        if declared
        else max(_SEPARATORS, key=lambda char: _score_separator(sample, char))
    )
    if declared:
        next(lines)
    reader = csv.reader(lines, delimiter=separator)
    try:
        yield from enumerate(reader, 2 if declared else 1)
    except csv.Error as exc:
        raise UnreadableFile(
            _("Line %(line)d cannot be read: %(error)s.") % {"line": reader.line_num, "error": exc}
        ) from exc


def _score_separator(sample: str, separator: str) -> tuple[int, int]:
    """Return how many columns are recognized, and the most frequent width of the first rows."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    rows = list(islice(reader, headers.MAX_TITLE_ROWS))
    widths = [len(row) for row in rows if any(row)] or [0]
    return max(map(headers.count_recognized, rows), default=0), max(widths, key=widths.count)


def _read_xlsx(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows of the sheet with the most recognized columns, else of the first with rows."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and validations, which are not read
            book = load_workbook(file, read_only=True, data_only=True)
        visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        best = max(visible, key=_score_sheet)
        for number, cells in enumerate(best.iter_rows(values_only=True), 1):
            yield number, [_text(value) for value in cells]
    except (
        *(BadZipFile, InvalidFileException, KeyError, OSError),
        *(SyntaxError, TypeError, ValueError),
    ) as exc:
        raise UnreadableFile(
            _("This file cannot be read. Save it as XLSX or CSV, and choose it again.")
        ) from exc


def _score_sheet(sheet: Any) -> tuple[int, bool]:
    sheet.reset_dimensions()  # some programs write wrong ones
    rows = [
        [_text(value) for value in cells]
        for cells in islice(sheet.iter_rows(values_only=True), headers.MAX_TITLE_ROWS)
    ]
    return max(map(headers.count_recognized, rows), default=0), any(map(any, rows))


def _text(value: Any) -> str:
    """Return the text of a cell: whole numbers without decimals."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value)


def _with_header(rows: Iterator[Row]) -> Table:
    """Find the header, and leave out blank rows and repeated headers.

    Columns without a header are called ``Column 3``.
    """
    filled = (
        (number, cells[:MAX_COLUMNS])
        for number, cells in rows
        if any(cell.strip() for cell in cells)
    )
    first = list(islice(filled, headers.MAX_TITLE_ROWS))
    if not first:
        raise UnreadableFile(_("The file is empty."))
    index = headers.find_header([cells for _number, cells in first])
    titles = [cell.strip("\ufeff \t\r\n") for cell in first[index][1]] if index >= 0 else []
    data = list(chain(first[index + 1 :], islice(filled, headers.MAX_TITLE_ROWS)))
    width = max([len(titles), *(len(cells) for _number, cells in data)])
    titles += [""] * (width - len(titles))
    named = [
        title or _("Column %(number)d") % {"number": number}
        for number, title in enumerate(titles, 1)
    ]
    return Table(headers=named, rows=_pad(chain(data, filled), titles))


def _pad(rows: Iterable[Row], titles: Sequence[str]) -> Iterator[Row]:
    width = len(titles)
    for number, cells in rows:
        padded = [*cells[:width], *[""] * (width - len(cells))]
        if padded != titles:
            yield number, padded

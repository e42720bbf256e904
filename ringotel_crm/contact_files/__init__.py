"""Read contacts from the files of other products: CSV, XLSX and vCard.

``open_file`` yields rows of text, ``headers`` finds the field of each column, and ``rows`` turns
the cells of a row into a ``ContactRow``. Nothing here reads or writes the database.
"""

from __future__ import annotations

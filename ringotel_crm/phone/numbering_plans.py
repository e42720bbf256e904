"""Numbering plans that changed, so that a number stored in its old form matches the new one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class PlanChange(NamedTuple):
    r"""A change of one numbering plan.

    ``pattern`` matches the whole national (significant) number. A ``+`` before it stands for the
    country code: ``\+1(\d{10})`` applies to ``+52 1 55 1234 5678``, not to ``1 55 1234 5678``.

    ``forms`` are templates for the number's forms, the current one first. A single form replaces
    what the pattern matches, if that is no longer valid. Several forms are all in use, or all valid
    in the data of ``phonenumbers``: a number is kept as written, and looked up in each of them.
    """

    pattern: re.Pattern[str]
    forms: tuple[str, ...]
    source: str


def _change(pattern: str, *forms: str, source: str) -> PlanChange:
    return PlanChange(re.compile(pattern, re.ASCII), forms, source)


_AR = "Plan Fundamental de Numeración Nacional, Resolución SC 46/97: 15 in Argentina, 9 from abroad"
_BJ = "ARCEP Bénin, Décision 2020-349; 30 November 2024"
_BR = "Anatel, Resolução 553/2010; all areas by 31 December 2016"
_CI = "ARTCI, ITU-T notification T02020000310006; 31 January 2021"
_CM = "ART Cameroun, ITU notification of 6 October 2014; 21 November 2014"
_CO = "CRC, Resolución 5826 de 2019; 1 September 2021"
_GA = "ARCEP Gabon; 15 November 2019, old numbers ended on 6 April 2024"
_IT_FIXED = "Telecom Italia, new numbering plan; 19 June 1998 (the zero is part of the number)"
_IT_MOBILE = "AGCOM, Delibera 6/00/CIR; 30 June 2001"
_MU = "ICTA; 1 September 2013"
_MX = "IFT, Plan Técnico Fundamental de Numeración, DOF 11 May 2018; 3 August 2019"
_VN = "Ministry of Information and Communications of Vietnam; 15 September 2018"

# By country code. An old form is here only if one new form replaces it.
PLAN_CHANGES: dict[int, tuple[PlanChange, ...]] = {
    39: (
        _change(r"\+?0(3[2-9]\d{7,8})", r"\1", source=_IT_MOBILE),
        _change(r"\+([1245-9]\d{5,9})", r"0\1", source=_IT_FIXED),
    ),
    52: (_change(r"(?:\+1|\+?0(?:1|4[45]))([2-9]\d{9})", r"\1", source=_MX),),
    # A subscriber's ten digits are used by a landline or a mobile, never by both.
    54: (_change(r"\+?9?([1-8]\d{9})", r"\1", r"9\1", source=_AR),),
    55: (
        _change(r"\+?([1-9][1-9])([689]\d{7})", r"\g<1>9\2", source=_BR),
        _change(r"\+?([1-9][1-9])9?(7\d{7})", r"\g<1>9\2", r"\1\2", source=_BR),
    ),
    57: (_change(r"\+?([124-8]\d{7})", r"60\1", source=_CO),),
    84: (
        _change(r"\+?121(\d{7})", r"79\1", source=_VN),
        _change(r"\+?122(\d{7})", r"77\1", source=_VN),
        _change(r"\+?12([068]\d{7})", r"7\1", source=_VN),
        _change(r"\+?12([345]\d{7})", r"8\1", source=_VN),
        _change(r"\+?127(\d{7})", r"81\1", source=_VN),
        _change(r"\+?129(\d{7})", r"82\1", source=_VN),
        _change(r"\+?16([2-9]\d{7})", r"3\1", source=_VN),
        _change(r"\+?18([68]\d{7})", r"5\1", source=_VN),
        _change(r"\+?199(\d{7})", r"59\1", source=_VN),
    ),
    225: (
        _change(r"\+?([04-9][0-3]\d{6})", r"01\1", source=_CI),
        _change(r"\+?([04-9][4-6]\d{6})", r"05\1", source=_CI),
        _change(r"\+?([04-9][7-9]\d{6})", r"07\1", source=_CI),
        _change(r"\+?(2[0-3]8\d{5})", r"21\1", source=_CI),
        _change(r"\+?([23]\d0\d{5})", r"25\1", source=_CI),
        _change(r"\+?([23]\d[1-79]\d{5})", r"27\1", source=_CI),
    ),
    229: (_change(r"\+?(\d{8})", r"01\1", source=_BJ),),
    230: (_change(r"\+?([79]\d{6})", r"5\1", source=_MU),),
    237: (
        _change(r"\+?([79]\d{7})", r"6\1", source=_CM),
        _change(r"\+?(22\d{6})", r"2\1", source=_CM),
    ),
    241: (
        _change(r"\+?[01]?(1\d{6})", r"1\1", r"0\1", source=_GA),
        _change(r"\+?0?(3\d{6})", r"0\1", r"\1", source=_GA),
        _change(r"\+?[06]?([256]\d{6})", r"6\1", r"0\1", r"\1", source=_GA),
        _change(r"\+?[07]?([47]\d{6})", r"7\1", r"0\1", r"\1", source=_GA),
    ),
}


def replacement(country_code: int, national: str, *, has_country_code: bool) -> str | None:
    """Return the form that replaced a national number, or None if its plan did not change."""
    text = f"+{national}" if has_country_code else national
    for change in PLAN_CHANGES.get(country_code, ()):
        if len(change.forms) == 1 and (match := change.pattern.fullmatch(text)):
            return match.expand(change.forms[0])
    return None


def other_forms(country_code: int, national: str) -> Iterator[str]:
    """Yield the other forms in which the subscriber of a national number may be stored."""
    for change in PLAN_CHANGES.get(country_code, ()):
        if len(change.forms) > 1 and (match := change.pattern.fullmatch(national)):
            for form in change.forms:
                if (other := match.expand(form)) != national:
                    yield other

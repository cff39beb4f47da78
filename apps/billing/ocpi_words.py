"""How places and tokens are called in OCPI: one table for CDRs and for locations (2.2.1 §8, §10).

What OCPP tells of a connector (2.0.1 Part 2 §3.24) stands on the left.
"""

STANDARDS = {
    "cCCS1": "IEC_62196_T1_COMBO",
    "cCCS2": "IEC_62196_T2_COMBO",
    "cG105": "CHADEMO",
    "cTesla": "TESLA_S",
    "cType1": "IEC_62196_T1",
    "cType2": "IEC_62196_T2",
    "s309-1P-16A": "IEC_60309_2_single_16",
    "s309-3P-16A": "IEC_60309_2_three_16",
    "s309-3P-32A": "IEC_60309_2_three_32",
    "sBS1361": "DOMESTIC_G",
    "sCEE-7-7": "DOMESTIC_F",
    "sType2": "IEC_62196_T2",
    "sType3": "IEC_62196_T3C",
}
# A station that told no type is taken for the socket of the region's law.
STANDARD_UNKNOWN = "IEC_62196_T2"
DC_TYPES = frozenset({"cCCS1", "cCCS2", "cG105"})
MOST_ONE_PHASE_KW = 7.4
TOKEN_TYPES = {
    "ISO14443": "RFID",
    "ISO15693": "RFID",
    "Central": "APP_USER",
    "DirectPayment": "AD_HOC_USER",
    "NoAuthorization": "AD_HOC_USER",
}
# ISO 3166-1 alpha-2 to alpha-3, for where our operators are.
COUNTRIES = {
    "AG": "ATG", "AI": "AIA", "AW": "ABW", "BB": "BRB", "BL": "BLM", "BQ": "BES", "CU": "CUB",
    "CW": "CUW", "DM": "DMA", "DO": "DOM", "FR": "FRA", "GD": "GRD", "GF": "GUF", "GP": "GLP",
    "GY": "GUY", "HT": "HTI", "JM": "JAM", "KN": "KNA", "LC": "LCA", "MF": "MAF", "MQ": "MTQ",
    "MS": "MSR", "PM": "SPM", "PR": "PRI", "RE": "REU", "SR": "SUR", "SX": "SXM", "TC": "TCA",
    "TT": "TTO", "VC": "VCT", "VG": "VGB", "VI": "VIR", "YT": "MYT",
}  # fmt: skip
COUNTRY_UNKNOWN = "FRA"
NOT_AVAILABLE = "#NA"
"""For what an object must have and cannot (2.2.1 §4.1.8)."""
_LONGEST_ID, _LONGEST_EVSE_ID = 36, 48


def location_id(station_id: str) -> str:
    """The location that a charging station is."""
    return station_id[:_LONGEST_ID]


def evse_uid(station_id: str, evse_number: int | None) -> str:
    """`CS-001-1`; the station's own id where nobody knows the EVSE.

    The number stays whole when the station's id is too long.
    """
    if evse_number is None:
        return station_id[:_LONGEST_ID]
    number = f"-{evse_number}"
    return station_id[: _LONGEST_ID - len(number)] + number


def evse_id(country_code: str, party_id: str, station_id: str, evse_number: int | None) -> str:
    """The eMI3 id, such as `GP*CFG*ECS001*1` (2.2.1 §8.3.2)."""
    station = "".join(sign for sign in station_id.upper() if sign.isascii() and sign.isalnum())
    number = evse_number or 0
    return f"{country_code}*{party_id or 'XXX'}*E{station}*{number}"[:_LONGEST_EVSE_ID]


def connector_standard(connector_type: str) -> str:
    """ConnectorType of a connector (2.2.1 §8.4.5)."""
    return STANDARDS.get(connector_type, STANDARD_UNKNOWN)


def connector_format(connector_type: str) -> str:
    """CABLE or SOCKET (2.2.1 §8.4.4)."""
    return "CABLE" if connector_type.startswith("c") else "SOCKET"


def power_type(connector_type: str, rated_power_kw: float | None) -> str:
    """PowerType (2.2.1 §8.4.19); one phase is taken for what one phase can give."""
    if connector_type in DC_TYPES:
        return "DC"
    return "AC_1_PHASE" if (rated_power_kw or 0) <= MOST_ONE_PHASE_KW else "AC_3_PHASE"


def country(code: str) -> str:
    """ISO 3166-1 alpha-3 of an alpha-2 code."""
    return COUNTRIES.get(code, COUNTRY_UNKNOWN)

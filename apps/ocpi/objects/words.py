"""The words of the open lists, by version (2.2.1 §8.4, 2.1.1 mod_locations 4)."""

CAPABILITIES_2_1_1 = frozenset(
    {
        "CHARGING_PROFILE_CAPABLE",
        "CREDIT_CARD_PAYABLE",
        "REMOTE_START_STOP_CAPABLE",
        "RESERVABLE",
        "RFID_READER",
        "UNLOCK_CAPABLE",
    }
)
CAPABILITIES_2_2_1 = CAPABILITIES_2_1_1 | {
    "CHARGING_PREFERENCES_CAPABLE",
    "CHIP_CARD_SUPPORT",
    "CONTACTLESS_CARD_SUPPORT",
    "DEBIT_CARD_PAYABLE",
    "PED_TERMINAL",
    "START_SESSION_CONNECTOR_REQUIRED",
    "TOKEN_GROUP_CAPABLE",
}
FACILITIES_2_1_1 = frozenset(
    {
        "HOTEL",
        "RESTAURANT",
        "CAFE",
        "MALL",
        "SUPERMARKET",
        "SPORT",
        "RECREATION_AREA",
        "NATURE",
        "MUSEUM",
        "BUS_STOP",
        "TAXI_STAND",
        "TRAIN_STATION",
        "AIRPORT",
        "CARPOOL_PARKING",
        "FUEL_STATION",
        "WIFI",
    }
)
FACILITIES_2_2_1 = FACILITIES_2_1_1 | {"BIKE_SHARING", "TRAM_STOP", "METRO_STATION", "PARKING_LOT"}
RESTRICTIONS_2_2_1 = frozenset({"EV_ONLY", "PLUGGED", "DISABLED", "CUSTOMERS", "MOTORCYCLES"})
PARKING_TYPES_2_1_1 = frozenset(
    {"ON_STREET", "PARKING_GARAGE", "UNDERGROUND_GARAGE", "PARKING_LOT"}
)
PARKING_TYPES_2_2_1 = frozenset(
    {
        "ALONG_MOTORWAY",
        "PARKING_GARAGE",
        "PARKING_LOT",
        "ON_DRIVEWAY",
        "ON_STREET",
        "UNDERGROUND_GARAGE",
    }
)
IMAGE_CATEGORIES = frozenset(
    {"CHARGER", "ENTRANCE", "LOCATION", "NETWORK", "OPERATOR", "OTHER", "OWNER"}
)
IMPACTS = frozenset({"NUCLEAR_WASTE", "CARBON_DIOXIDE"})
SOURCES = frozenset(
    {"NUCLEAR", "GENERAL_FOSSIL", "COAL", "GAS", "GENERAL_GREEN", "SOLAR", "WIND", "WATER"}
)
TOKEN_TYPES_2_2_1 = frozenset({"AD_HOC_USER", "APP_USER", "OTHER", "RFID"})

"""`paigong import stations|technicians`: all or nothing per file, and safe to repeat."""

from app.organisation.station_import import (
    SETTLEMENT_COLUMNS,
    STATION_COLUMNS,
    import_stations,
)
from app.organisation.technician_import import import_technicians
from app.organisation.technician_rows import TECHNICIAN_COLUMNS

__all__ = [
    "SETTLEMENT_COLUMNS",
    "STATION_COLUMNS",
    "TECHNICIAN_COLUMNS",
    "import_stations",
    "import_technicians",
]

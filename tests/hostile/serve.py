"""The API as `paigong serve` runs it, if wanted with one fault seeded: for this test only."""

import argparse

import uvicorn

from app.core.settings import Settings
from app.main import create_app
from tests.hostile.faults import FAULTS


def main() -> None:
    """Serve until killed."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--port", type=int, required=True)
    reader.add_argument("--fault", choices=sorted(FAULTS))
    told = reader.parse_args()
    if told.fault:
        FAULTS[told.fault]()
    config = Settings()
    uvicorn.run(create_app(config), host="127.0.0.1", port=told.port, log_level="warning")


if __name__ == "__main__":
    main()

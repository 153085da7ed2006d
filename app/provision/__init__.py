"""Set-up of the project on a fresh machine; standard library only, Python 3.9 or newer."""

from app.provision.databases import ensure_database, stop_clusters
from app.provision.refusal import CannotProvision

__all__ = ["CannotProvision", "ensure_database", "stop_clusters"]

"""Shows broken campaign files as an import error of Airflow and leaves the DAGs of the good ones alone.

Airflow keeps import errors by DAG file: were a broken campaign to raise in `campaigns.py`, every campaign would be lost
with it. This module defines no DAG.
"""

from __future__ import annotations

from obzvon.campaigns.catalogue import Catalogue
from obzvon_provider.paths import campaigns_folder

if broken := Catalogue(campaigns_folder()).broken:
    raise ImportError("\n".join(str(error) for error in broken))

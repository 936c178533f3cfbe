"""What Airflow is taught: connection types, hooks, operators, sensors, triggers.

Importing it sends metrics to Airflow's own.
"""

from __future__ import annotations

from obzvon.telemetry.meter import use
from obzvon_provider.metering import AirflowMeter

use(AirflowMeter())

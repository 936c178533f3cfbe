"""The notebook of the examples, run by a kernel of its own as an analyst on her machine would run it."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pandas as pd
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from psycopg.conninfo import conninfo_to_dict

__all__ = ["NOTEBOOK", "committed", "played"]

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "analysts.ipynb"
#: libpq's own names for what a connection string says
VARIABLES = {"host": "PGHOST", "dbname": "PGDATABASE", "user": "PGUSER"}


def committed() -> NotebookNode:
    """The notebook as it is in the repository."""
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    return notebook


def played(dsn: str, folder: Path, frames: tuple[str, ...]) -> tuple[NotebookNode, dict[str, pd.DataFrame]]:
    """The notebook with its outputs, and frames by the names that its cells gave them.

    The connection goes into the environment and nowhere else. Raises CellExecutionError where a cell fails.
    """
    notebook = committed()
    kept = folder / "frames.pickle"
    keep = f"pd.to_pickle({{name: globals()[name] for name in {frames!r}}}, {str(kept)!r})"
    notebook.cells.append(nbformat.v4.new_code_cell(keep))
    said = conninfo_to_dict(dsn)
    connection = {variable: str(said[name]) for name, variable in VARIABLES.items()}
    own = {"IPYTHONDIR": str(folder), "MPLCONFIGDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    kernel = AsyncKernelManager(transport="ipc", connection_file=str(folder / "kernel.json"))
    client = NotebookClient(notebook, km=kernel, timeout=120)
    client.execute(env=os.environ | connection | own, cleanup_kc=True)
    return notebook, pd.read_pickle(kept)

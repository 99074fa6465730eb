"""Runs a notebook's cells: python execute.py NOTEBOOK FOLDER. Prints the notebook with its outputs."""

import sys

import nbformat
from nbclient import NotebookClient

path, folder = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
NotebookClient(
    notebook,
    timeout=600,  # Of one cell [s].
    allow_errors=True,  # They are found in the outputs.
    record_timing=False,
    coalesce_streams=True,
    store_widget_state=False,
    resources={"metadata": {"path": folder}},
).execute()
print(nbformat.writes(notebook))

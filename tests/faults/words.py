"""What the words of the table mean. Producers of other cases add their words here; a test asks for every word used."""

from __future__ import annotations

VENDORS = {
    "dialog": "Dialog: contacts travel in the request that creates; nothing can be listed or stopped",
    "twin": "TWIN, API v1: an empty task, then its candidates in batches; tasks can be listed and halted",
    "twin_beta": "TWIN, beta API: the same, but nothing can be listed or halted",
}

FAULTS = {
    "none": "nothing goes wrong",
    "clear_task": "somebody clears a task in the UI",
    "clear_run": "somebody clears the whole run in the UI",
    "second_run": "the same day is run once more",
    "two_runs": "two runs of the same day at the same time",
    "mark_failed": "somebody marks the launching or waiting task as failed in the UI, and later clears it",
    "kill_switch": "calling is switched off for every campaign (Variable obzvon_kill_switch)",
    "kill_task": "SIGKILL of the process that carries out the task in a real Airflow",
    "kill_airflow": "SIGKILL of all of Airflow, which is then started again",
    "shut_down": "SIGTERM to the task, as a deployment sends it",
    "kill_scheduler": "SIGKILL of the scheduler, which is then started again",
    "kill_triggerer": "SIGKILL of the triggerer, which is then started again",
    "two_workers": "two workers carry out the same plan at the same time",
    "kill": "SIGKILL of the worker, which is then started again",
    "pg_gone": "the worker's connections to PostgreSQL are terminated",
    "pg_crash": "PostgreSQL dies without a checkpoint and is started again",
    "drop_before": "the connection is cut before the vendor handles the request",
    "drop_after": "the vendor does what is asked, then the connection is cut without a byte of answer",
    "html_502_after": "the vendor does what is asked, a proxy answers 502 with a web page",
    "html_503": "a proxy answers 503 with a web page, the vendor sees nothing",
    "html_200": "a proxy answers 200 with a web page, the vendor sees nothing",
    "wrong_json": "the answer is 200 with JSON that breaks off",
    "wrong_shape": "the answer is 200 with JSON of another shape",
    "too_many": "429 with Retry-After in seconds",
    "too_many_date": "429 with Retry-After as a date",
    "truncate": "half of the answer's body, then the end of the connection",
    "truncated_gzip": "a compressed answer that stops in the middle, its length agreeing with the head",
    "reset": "half of the answer's body, then a TCP reset",
    "slow_headers": "the answer's head drips for longer than we wait",
    "timeout": "the request arrives at the vendor after we have stopped waiting",
    "token_death": "every token dies at once",
    "lose_items": "the vendor drops three contacts of a batch and answers as if it had all",
    "list_500": "the answer to the creation is lost, and the list of tasks answers 500 for a while",
    "list_down": "the answer to the creation is lost, and the list of tasks answers 500 for good",
    "page_twice": "a page of a list is served twice",
    "rows_shift": "rows come in before the page while a list is read",
    "late_rows": "rows appear only after several looks",
    "late_redials": "who did not answer is dialled an hour later, when each number has had its first row long before",
    "unknown_status": "a status that no document knows; the audit fails until somebody maps it",
}

POINTS = {
    "none": "-",
    "at_once": "from the start",
    "ended": "after the run has ended",
    "play": "the request that starts a task",
    "login": "the login before the first creation",
    "create": "the request that creates a vendor campaign",
    "create_asked": "before the vendor has the request that creates",
    "create_accepted": "the vendor has created, its answer is not here yet",
    "create_answered": "the answer is here, the ledger's commit is not done",
    "launch": "half-way through a launch: a campaign (Dialog) or a batch of contacts (TWIN) is taken but not answered",
    "created": "after the commit, before the next request",
    "batch_asked": "the second campaign of the run, before the vendor has the request",
    "batch_accepted": "the second campaign of the run, created but not answered",
    "candidates": "the request that adds contacts to a task",
    "candidates_asked": "before the vendor has the first batch of contacts",
    "candidates_accepted": "the vendor took the first batch, its answer is not here yet",
    "candidates_answered": "the answer to the first batch is here, the ledger's commit is not done",
    "second_candidates_asked": "before the vendor has the second batch of contacts",
    "second_candidates_accepted": "the vendor took the second batch, its answer is not here yet",
    "wait": "a look at the report while the calls are made",
    "report": "the report is read in order to be loaded",
    "report_half": "half of the report's body is here",
    "load": "rows are written to the warehouse",
    "load_committed": "the rows are committed, the campaign's final state is not",
    "deliver": "a call is posted to Qolio; for a blow: accepted, not answered",
    "deliver_asked": "before Qolio has a call",
    "deliver_answered": "the answer is here, the ledger's commit is not done",
}

_AIRFLOW = {"kill_task", "kill_airflow", "kill_scheduler", "kill_triggerer", "shut_down"}
_CLICKS = {"clear_task", "clear_run", "second_run", "two_runs", "mark_failed", "kill_switch"}
_WORKER, _DATABASE = {"kill"}, {"pg_gone", "pg_crash"}
_CALM = {"none", "two_workers"}
_NETWORK = {
    "login": "network, creation",
    "create": "network, creation",
    "candidates": "network, contacts",
    "play": "network, contacts",
    "wait": "network, waiting",
    "report": "network and rows, report",
    "deliver": "network, delivery",
}

FAMILIES = (
    "nothing wrong, or two workers at once",
    *dict.fromkeys(_NETWORK.values()),
    "deaths of the worker",
    "database",
    "Airflow's parts",
    "clicks, and runs of the same day",
)


def family(fault: str, point: str) -> str:
    """The family of a case; what strikes decides, and for a request that fails, which request it is."""
    calm, worker, database, airflow, clicks = FAMILIES[0], *FAMILIES[-4:]
    sets = {calm: _CALM, worker: _WORKER, database: _DATABASE, airflow: _AIRFLOW, clicks: _CLICKS}
    return next((name for name, faults in sets.items() if fault in faults), None) or _NETWORK[point]

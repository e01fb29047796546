"""What a scheduler brings into Kafka, and whether the rankings hold: each hour the sources are read to their ends, the engine is asked whether
it runs, and closed windows are recomputed from the source and compared with the sink. The newest window of each ranking that is named
is written to a file then. Jobs that need right rankings come behind `verify`, or read these files behind `export`.

    ingest ──► running ──► verify ──► export ──► yours

The program's exit codes say what becomes of a task: 0 done; 1 failed while it ran, so it is tried again; 2 wrong usage or configuration, which
no retry mends. What is tried again is written once: the cursor in Kafka says how far a source is.

In the worker's environment:
    STANDINGS_SOURCES      the file of sources, ingest.toml
    STANDINGS_QUERIES, STANDINGS_SOURCE, STANDINGS_SINK (or STANDINGS_SINK_FILE)    as for `standings run`
    STANDINGS_RUNS         postgres://… where the table standings_runs is, for psql; without it `running` is skipped
    STANDINGS_EXPORTS      a folder, for `export`: RANKING.csv of each of STANDINGS_EXPORTED (names, with spaces between them), asked of the engine at
                           STANDINGS_URL; without it `export` is skipped
    STANDINGS_BINARY       the program, if it is not `standings` on the path
"""

import os
import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.sdk import dag, task

# Verify may lag: what is compared are windows that are closed.
EVERY = timedelta(hours=1)
AGAIN = {"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True}


def standings(*words):
    """Runs the program; its words go to the task's log."""
    program = os.environ.get("STANDINGS_BINARY", "standings")
    code = subprocess.run([program, *words], check=False).returncode
    if code == 2:
        raise AirflowFailException(f"standings {words[0]}: wrong usage or configuration, see above")
    if code:
        raise AirflowException(f"standings {words[0]} ended with {code}, see above")


@dag(
    schedule=EVERY,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # Two at once would fence each other: the older would end with S1203.
    max_active_runs=1,
    default_args=AGAIN,
    tags=["standings"],
    doc_md=__doc__,
)
def standings_rankings():
    @task
    def ingest():
        standings("ingest", "--config", os.environ["STANDINGS_SOURCES"], "--once")

    @task
    def running():
        """The newest row of the run table: a run that failed explains what `verify` would only find."""
        database = os.environ.get("STANDINGS_RUNS")
        if not database:
            raise AirflowSkipException("STANDINGS_RUNS is not set")
        newest = "SELECT outcome, coalesce(error, '') FROM standings_runs ORDER BY started DESC LIMIT 1"
        asked = ["psql", database, "--no-psqlrc", "-At", "-F", "\t", "-c", newest]
        found = subprocess.run(asked, check=False, capture_output=True, text=True)
        if found.returncode:
            raise AirflowException(f"psql ended with {found.returncode}: {found.stderr.strip()}")
        outcome, _, error = found.stdout.strip().partition("\t")
        if outcome not in ("running", "done"):
            raise AirflowException(f"the newest run is `{outcome or 'none'}`: {error}")

    @task(trigger_rule="none_failed")
    def verify():
        standings("verify")

    @task
    def export():
        """The file of a ranking is replaced when it is whole."""
        folder = os.environ.get("STANDINGS_EXPORTS")
        if not folder:
            raise AirflowSkipException("STANDINGS_EXPORTS is not set")
        for ranking in os.environ["STANDINGS_EXPORTED"].split():
            standings("export", ranking, "--window", "newest", "--out", os.path.join(folder, f"{ranking}.csv"))

    ingest() >> running() >> verify() >> export()


standings_rankings()

"""No-op tasks a second of HyperQueue, Dask and Optuna beside Plateau's, in one run.

    python3 -m venv VENV && VENV/bin/pip install hyperqueue distributed optuna
    VENV/bin/python peers.py BIN_DIR [--repeats 3]

Interleaved: each repeat measures each of them once, so that all see the same load. What is not the
same: HyperQueue starts a process a task (/bin/true) and keeps no journal here; Dask keeps its state
in memory; Optuna's trials suggest nothing and are committed to SQLite one by one, as it does by
default. Plateau commits every transition with synchronous=FULL and starts no process.
"""
import argparse
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def noop():
    return None


def plateau(bin_folder, trials, more=()):
    out = subprocess.run([sys.executable, os.path.join(HERE, "control_plane.py"), bin_folder,
                          "--trials", str(trials), "--repeats", "1", *more],
                         capture_output=True, text=True, check=True)
    return float(out.stdout.splitlines()[-1].split()[1])


def hyperqueue(tasks):
    from hyperqueue import Job, LocalCluster
    from hyperqueue.cluster import WorkerConfig
    folder = tempfile.mkdtemp(prefix="hq-")
    with LocalCluster(folder) as cluster:
        for _ in range(2):
            cluster.start_worker(WorkerConfig(cores=32))
        client = cluster.client()

        def run(count):
            job = Job()
            for _ in range(count):
                job.program(["/bin/true"], stdout=None, stderr=None)
            client.wait_for_jobs([client.submit(job)])
        run(10)
        begun = time.monotonic()
        run(tasks)
        seconds = time.monotonic() - begun
    shutil.rmtree(folder, ignore_errors=True)
    return tasks / seconds


def dask(tasks):
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=32, processes=True, dashboard_address=None,
                      silence_logs=logging.ERROR) as cluster, Client(cluster) as client:
        client.gather([client.submit(noop, pure=False) for _ in range(100)])
        begun = time.monotonic()
        client.gather([client.submit(noop, pure=False) for _ in range(tasks)])
        return tasks / (time.monotonic() - begun)


def optuna_worker(storage, trials):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="bench", storage=storage,
                              sampler=optuna.samplers.RandomSampler())
    study.optimize(lambda trial: 0.0, n_trials=trials)


def optuna_sqlite(trials):
    import multiprocessing
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = tempfile.mkdtemp(prefix="optuna-")
    storage = f"sqlite:///{folder}/study.db"
    optuna.create_study(study_name="bench", storage=storage)
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=optuna_worker, args=(storage, trials // 2)) for _ in range(2)]
    begun = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # Without the processes' start: from the first trial's begin to the last one's end.
    study = optuna.load_study(study_name="bench", storage=storage)
    done = [t for t in study.trials if t.datetime_complete is not None]
    seconds = (max(t.datetime_complete for t in done) -
               min(t.datetime_start for t in done)).total_seconds()
    shutil.rmtree(folder, ignore_errors=True)
    return len(done) / min(seconds, time.monotonic() - begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rows = {
        "plateau, 10,000 trials, FULL": lambda: plateau(options.bin, 10000),
        "plateau, the same without syncs": lambda: plateau(options.bin, 10000, ["--no-sync"]),
        "hyperqueue, 2,000 x /bin/true": lambda: hyperqueue(2000),
        "dask, 4,000 futures": lambda: dask(4000),
        "optuna, SQLite, 60 trials": lambda: optuna_sqlite(60),
    }
    rates = {name: [] for name in rows}
    for repeat in range(options.repeats):
        for name, measure in rows.items():
            rates[name].append(measure())
            print(f"{repeat} {name}: {rates[name][-1]:.0f}/s (load {os.getloadavg()[0]:.1f})",
                  file=sys.stderr, flush=True)
    print(f"{'no-op tasks a second':34s} {'min':>8s} {'median':>8s} {'max':>8s}")
    for name, got in rates.items():
        print(f"{name:34s} {min(got):8.0f} {statistics.median(got):8.0f} {max(got):8.0f}")


if __name__ == "__main__":
    main()

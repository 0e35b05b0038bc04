"""F8 and F14: parts of the libraries by themselves, measured by Google Benchmark."""
import json
import subprocess

from measure import PROGRAMS
from report import Row, at_least, at_most

REPETITIONS = 7


def repetitions(only, field):
    """name -> its figure in each repetition; the repetitions of several take turns."""
    text = subprocess.run([PROGRAMS / "bench_libraries", f"--benchmark_filter={only}", "--benchmark_format=json",
                           f"--benchmark_repetitions={REPETITIONS}", "--benchmark_enable_random_interleaving=true"],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = {}
    for run in json.loads(text)["benchmarks"]:
        if run.get("error_occurred"):
            raise RuntimeError(f"{run['name']}: {run['error_message']}")
        if run["run_type"] == "iteration":
            found.setdefault(run["run_name"], []).append(run[field])
    return found


def f8(_scratch, say):
    speed = repetitions("F8_", "bytes_per_second")
    in_mb = {name: [each / 1e6 for each in all_of_it] for name, all_of_it in speed.items()}
    row = Row("F8", "masking, 20 secrets", "MB/s", in_mb["F8_Masking"], at_least(300), in_mb["F8_Floor"])
    say(f"F8: {row.value:.0f} MB/s, copying and looking for newlines {row.floor:.0f} MB/s")
    return [row]


def f14(_scratch, say):
    took = repetitions("F14_", "cpu_time")
    rows = [Row("F14", "a form of 20 fields validated", "µs", took["F14_Form"], at_most(20)),
            Row("F14", "its manifest loaded", "µs", took["Load/F14_ManifestOfTheForm"], at_most(1000)),
            Row("F14", "nginx's manifest loaded", "µs", took["Load/F14_ManifestOfNginx"], at_most(1000))]
    for row in rows:
        say(f"F14: {row.what}: {row.value:.1f} µs")
    return rows

# Runs the contenders of rows.py in turns, and makes the table, the charts and the description of the machine.
# Started by bench/run, which see.
import argparse
import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys

from rows import GROUPS, AtMost, OursAtMostBeyond, TimesAsGood

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BUILT = ROOT / "build/bench/bench"
TIMEOUT = 60  # seconds; a measurement takes one or two
GRACE = 3  # seconds from SIGTERM to SIGKILL
ROUNDS, QUICK_ROUNDS = 5, 2


# --- contenders


def located(word):
    """A word of a command: programs are where the build has put them, or beside this file."""
    for folder in (BUILT, HERE):
        if "/" in word and (folder / word).is_file():
            return str(folder / word)
    return sys.executable if word == "python3" else word


def arguments_of(contender, quick):
    words = contender.command.format(n=contender.quick if quick else contender.n).split()
    arguments = [located(word) for word in words]
    return [sys.executable, *arguments] if arguments[0].endswith(".py") else arguments


def what_is_missing(contender):
    missing = [need for need in contender.needs
               if not shutil.which(need) and not importlib.util.find_spec(need)]
    missing += [word for word in contender.command.split()
                if word.startswith(("ours/", "rivals/")) and located(word) == word]
    return ", ".join(missing)


class Failed(Exception):
    pass


def measured(contender, quick):
    """{metric: (value, unit)} of one run."""
    process = subprocess.Popen(arguments_of(contender, quick), cwd=BUILT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True,
                               env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        output, errors = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()
        raise Failed(f"hung for {TIMEOUT} s")
    if process.returncode != 0:
        raise Failed(f"exit code {process.returncode}: {(output + errors).strip()[-500:]}")
    lines = re.findall(r"^(\S+) ([0-9][0-9.e+-]*) (\S+)$", output, re.MULTILINE)
    return {metric: (float(value), unit) for metric, value, unit in lines}


def measure(group, rounds, quick, failures):
    """{row's title: {contender's name: [a value of each round]}}; contenders take turns in turning order."""
    samples = {row.title: {} for row in group.rows}
    contenders = []
    for contender in group.contenders:
        missing = what_is_missing(contender)
        if missing:
            print(f"{group.name}: without {contender.name}, for want of {missing}", flush=True)
        elif not quick or contender.quick is not None:
            contenders.append(contender)
    for turn in range(rounds):
        print(f"{group.name}: round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
        first = turn % max(1, len(contenders))
        for contender in contenders[first:] + contenders[:first]:
            if (group.name, contender.name) in failures:
                continue
            try:
                values = measured(contender, quick)
                for row in group.rows:
                    if row.metric not in values or values[row.metric][1] != row.unit:
                        raise Failed(f"said nothing of {row.metric} in {row.unit}: {values}")
                    samples[row.title].setdefault(contender.name, []).append(values[row.metric][0])
            except Failed as failure:
                failures[group.name, contender.name] = str(failure)
                print(f"{group.name}: {contender.name} FAILED, {failure}", flush=True)
                for row in group.rows:
                    samples[row.title].pop(contender.name, None)
    order = [contender.name for contender in group.contenders]
    return {title: {name: taken[name] for name in order if name in taken} for title, taken in samples.items()}


# --- the table


def number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def times_as_good(row, this, other):
    """How many times as good `this` is as `other`; None where a number is 0."""
    better, worse = (this, other) if row.better == "more" else (other, this)
    return better / worse if worse else None


def goal_is_met(goal, row, medians, name, reference):
    if isinstance(goal, TimesAsGood):
        this = medians.get(goal.this) if goal.this else reference
        return this is not None and (times_as_good(row, this, medians[name]) or 0) >= goal.least
    if isinstance(goal, AtMost):
        return medians[name] <= goal.most
    if isinstance(goal, OursAtMostBeyond):
        return reference <= medians[name] + goal.more
    return abs(medians[name] / reference - 1) <= goal.deviation


def lines_of(group, row, samples):
    """The table's lines for a row: lists of cells."""
    medians = {name: statistics.median(values) for name, values in samples.items()}
    if not medians:
        return
    ours = group.contenders[0].name
    reference = medians.get(ours) if group.rivals else statistics.median(medians.values())
    for name, median in medians.items():
        ratio = times_as_good(row, reference, median) if reference is not None else None
        if group.rivals and name == ours:
            ratio = None
        goal = row.goals.get(name)
        met = ""
        if goal and reference is not None:
            met = "met" if goal_is_met(goal, row, medians, name, reference) else "**not met**"
        numbers = [number(value) for value in (median, min(samples[name]), max(samples[name]))]
        yield [row.title, name, row.unit, *numbers,
               number(ratio) if ratio is not None else "", str(goal or ""), met]


def table(results):
    header = ["row", "contender", "unit", "median", "min", "max", "ours is … times as good", "goal", ""]
    lines = [cells for group in GROUPS for row in group.rows
             for cells in lines_of(group, row, results.get(row.title, {}))]
    for previous, cells in reversed(list(zip(lines, lines[1:]))):
        if cells[0] == previous[0]:
            cells[0] = ""
    text = [header, ["---"] * 3 + ["---:"] * 4 + ["---"] * 2, *lines]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in text)


NOTES = """\
Medians of rounds in which the contenders of a row took turns. "Ours is … times as good": above 1, ours is
better, whatever the unit. Where all contenders are ours, it is this one's number over the row's median.
"""


# --- charts


def chart(path, group, row, samples):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    names = list(samples)
    medians = [statistics.median(samples[name]) for name in names]
    spread = [[median - min(samples[name]) for name, median in zip(names, medians)],
              [max(samples[name]) - median for name, median in zip(names, medians)]]
    is_ours = [name.startswith("ours") or not group.rivals for name in names]
    figure, axes = pyplot.subplots(figsize=(7, 0.9 + 0.32 * len(names)))
    axes.barh(names, medians, xerr=spread, color=["#2a6fb0" if ours else "#b8bec6" for ours in is_ours],
              error_kw={"ecolor": "#555555", "capsize": 2, "linewidth": 0.8})
    axes.invert_yaxis()
    if min(medians) > 0 and max(medians) / min(medians) > 20:
        axes.set_xscale("log")
        axes.set_xlim(left=min(medians) / 3)
    axes.set_xlim(right=axes.get_xlim()[1] * (3 if axes.get_xscale() == "log" else 1.15))
    for place, (name, median) in enumerate(zip(names, medians)):
        axes.annotate(number(median), (max(samples[name]), place), xytext=(4, 0), textcoords="offset points",
                      verticalalignment="center")
    scale = ", log scale" if axes.get_xscale() == "log" else ""
    axes.set_title(f"{row.title} ({row.unit}, {row.better} is better{scale})", loc="left", fontsize=10)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    # matplotlib leaves blanks at the ends of lines
    path.write_text("".join(line.rstrip() + "\n" for line in path.read_text().splitlines()))


def charts(out, results):
    if not importlib.util.find_spec("matplotlib"):
        print("no charts: matplotlib is not installed")
        return
    for group in GROUPS:
        for row in group.rows:
            samples = results.get(row.title, {})
            if len(samples) > 1:
                name = re.sub(r"[^a-z0-9]+", "-", row.title.lower()).strip("-")
                chart(out / f"{name}.svg", group, row, samples)


# --- the machine


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return ""


def match_in(path, pattern):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1) if found else ""


def machine():
    cache = ROOT / "build/bench/CMakeCache.txt"
    compiler = match_in(cache, r"^CMAKE_CXX_COMPILER:\w+=(.*)$") or "c++"
    boost = first_line("sh", "-c", f"echo BOOST_LIB_VERSION | {compiler} -E -P -x c++ "
                                   "-include boost/version.hpp -")
    memory = int(match_in("/proc/meminfo", r"^MemTotal:\s+(\d+)") or 0) / 2**20
    facts = {
        "CPU": match_in("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": match_in("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
        "compiler": first_line(compiler, "--version"),
        "build": match_in(cache, r"^CMAKE_BUILD_TYPE:\w+=(.*)$"),
        "Boost": boost.strip('"').replace("_", "."),
        "Python": platform.python_version(),
    }
    for title, package in [("ZeroMQ", "libzmq5"), ("iceoryx", "libiceoryx-posh-dev"),
                           ("joblib", "python3-joblib"), ("mpi4py", "python3-mpi4py"), ("Open MPI", "openmpi-bin")]:
        facts[title] = first_line("dpkg-query", "-W", "-f", "${Version}\n", package)
    return "".join(f"| {what} | {value} |\n" for what, value in
                   [("machine", ""), ("---", "---"), *((w, v) for w, v in facts.items() if v)])


# --- all of it


def put_into_page(page, name, text):
    """Replaces what stands between `<!-- name -->` and `<!-- end of name -->`."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def main():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", metavar="REGEX", default="")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    groups = [group for group in GROUPS if re.search(options.only, group.name)]
    if options.list:
        for group in groups:
            print(f"{group.name}: " + "; ".join(contender.name for contender in group.contenders))
        return 0
    if not groups:
        parser.error("no group of rows has such a name; --list shows them")
    out = options.out or ROOT / ("build/bench/performance" if options.quick else "docs/performance")
    out.mkdir(parents=True, exist_ok=True)

    known = out / "results.json"  # so that rows can be measured a few at a time
    results = json.loads(known.read_text()) if options.only and known.exists() else {}
    failures = {}
    for group in groups:
        results.update(measure(group, options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS),
                               options.quick, failures))
    titles = [row.title for group in GROUPS for row in group.rows]
    results = {title: results[title] for title in titles if title in results}

    known.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    text = table(results)
    (out / "table.md").write_text(NOTES + "\n" + text)
    (out / "machine.md").write_text(machine())
    charts(out, results)
    page = out.with_suffix(".md")  # docs/performance.md shows what is in docs/performance
    if page.exists():
        shown = put_into_page(page.read_text(), "table", NOTES + "\n" + text)
        page.write_text(put_into_page(shown, "machine", machine()))
    print(NOTES + "\n" + text, end="")
    for (group, contender), failure in failures.items():
        print(f"FAILED: {group}: {contender}: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

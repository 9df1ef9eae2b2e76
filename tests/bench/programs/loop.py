"""The loop of a program that a bench measures; the standard library only, since peers have environments of their own.

The first line of standard input is a JSON list of files, "ready" the answer. Every further line is a number of seconds:
the program works on all files, again and again until so many have passed, and answers with the milliseconds of each and
the seconds of all.
"""

import json
import os
import sys
import time
from collections.abc import Callable

WARM_UP = 3  # chosen: files that are worked on before anything is measured


def serve(prepare: Callable[[list[str]], Callable[[str], object]]) -> None:
    """Answer until standard input ends. prepare: gets the files and returns what works on one of them."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    files: list[str] = json.loads(sys.stdin.readline())
    work = prepare(files)
    for file in files[:WARM_UP]:
        work(file)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        ms: list[float] = []
        started = time.perf_counter()
        while not ms or time.perf_counter() - started < float(line):
            for file in files:
                began = time.perf_counter()
                work(file)
                ms.append((time.perf_counter() - began) * 1000)
        print(json.dumps({"ms": ms, "elapsed_s": time.perf_counter() - started}), file=answers, flush=True)

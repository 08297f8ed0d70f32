# SPDX-License-Identifier: Apache-2.0
"""Prints how many tests of a JUnit file passed and failed; a skipped test counts as failed, because no test may skip silently.
With --failed: the names of those that failed, as pytest takes them."""
import sys
import xml.etree.ElementTree as tree

try:
    suites = list(tree.parse(sys.argv[1]).iter("testsuite"))
except (OSError, tree.ParseError):
    suites = []
cases = {f"{c.get('classname').rsplit('.', 1)[-1]}.py::{c.get('name')}": c for s in suites for c in s.iter("testcase")}
if "--failed" in sys.argv:
    print(*(name for name, c in cases.items() if c.find("failure") is not None or c.find("error") is not None), sep="\n")
else:
    total = sum(int(s.get("tests")) for s in suites)
    bad = sum(int(s.get(k)) for s in suites for k in ("failures", "errors", "skipped"))
    print(total - bad, bad if total else 1)

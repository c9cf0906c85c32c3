"""Fail when a test was skipped that this machine has everything for, or has to have."""

import os
import sys
from xml.etree import ElementTree  # nosec B405  # what it parses, pytest has written

# What .ci/run installs: no test may be skipped for want of it.
PROGRAMS = ("PostgreSQL", "Redis", "haproxy", "nginx", "pgbouncer", "wrk", "Chromium")

report = ElementTree.parse(sys.argv[1])  # nosec B314  # see above
cases = report.findall(".//testcase")
skips = {case: skipped for case in cases if (skipped := case.find("skipped")) is not None}
ran = [case for case in cases if case not in skips]


def ran_some(word: str) -> bool:
    """Whether a test ran that has this word in its name or in that of its module."""
    return any(word in f"{case.get('classname')}.{case.get('name')}" for case in ran)


for case, skipped in skips.items():
    print(f"skipped: {case.get('classname')}.{case.get('name')}: {skipped.get('message')}")
for program in PROGRAMS:
    reasons = [skipped.get("message", "") for skipped in skips.values()]
    missed = any(f"{program} is not installed" in reason for reason in reasons)
    if missed or not ran_some(program.lower()):
        sys.exit(f"the tests on {program} did not all run")
if not ran_some("test_suites"):
    sys.exit("the test suites of Markdown did not run: TEST_SUITES names none")
if "TEST_CORPUS" in os.environ and not ran_some("test_corpus"):
    sys.exit("the tests on real posts did not run, though TEST_CORPUS names some")

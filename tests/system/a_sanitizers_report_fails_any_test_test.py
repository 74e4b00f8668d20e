"""What a sanitizer finds in a program fails the test that started it, also a test which looks at
neither the program's words nor its exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
#include <stdlib.h>
#include <string.h>
#include <thread>
int main(int, char** arguments) {
    const char* wanted = arguments[1];
    volatile int counter = 2147483647;
    if (!strcmp(wanted, "leak"))
        for (int i = 0; i < 8; ++i) { void* volatile lost = malloc(1000); lost = nullptr; }
    if (!strcmp(wanted, "overrun")) { char* volatile four = new char[4]; four[4] = 1; }
    if (!strcmp(wanted, "overflow")) counter = counter + 1;
    if (!strcmp(wanted, "race")) {
        std::thread other([&counter] { counter = 1; });
        counter = 2;
        other.join();
    }
    exit(0);
}
"""
CARELESS = """
import subprocess
def test():
    subprocess.run([{program!r}, {fault!r}], stderr=subprocess.DEVNULL, check=False)
"""
ADDRESS = ("-fsanitize=address,undefined", "-static-libasan", "-static-libubsan")
THREAD = ("-fsanitize=thread",)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The same program, as the two builds with sanitizers would make it."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "faults.cpp").write_text(FAULTS)
    for name, flags in (("address", ADDRESS), ("thread", THREAD)):
        subprocess.run(["g++", "-std=c++20", "-O1", "-g1", *flags, "-fno-sanitize-recover=all",
                        "-o", folder / name, folder / "faults.cpp"], check=True)
    return folder


def careless(programs, build, fault):
    """A whole run of pytest, with the fixtures of this folder."""
    here = Path(__file__).parent
    file = programs / f"{build}_{fault}_test.py"
    file.write_text(CARELESS.format(program=str(programs / build), fault=fault))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest",
         "--rootdir", here, file],
        cwd=here, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False)


@pytest.mark.parametrize("build, fault, report", [
    ("address", "leak", "LeakSanitizer: detected memory leaks"),
    ("address", "overrun", "AddressSanitizer: heap-buffer-overflow"),
    ("address", "overflow", "runtime error: signed integer overflow"),
    ("thread", "race", "ThreadSanitizer: data race"),
])
def test_a_report_fails_it(programs, build, fault, report):
    done = careless(programs, build, fault)
    assert done.returncode == 1, done.stdout
    assert report in done.stdout


@pytest.mark.parametrize("build", ["address", "thread"])
def test_no_report_does_not(programs, build):
    done = careless(programs, build, "nothing")
    assert done.returncode == 0, done.stdout

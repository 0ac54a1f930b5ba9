"""What the project says of itself is the same wherever it says it."""

import re
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def find(pattern: str, name: str) -> str:
    match = re.search(pattern, (ROOT / name).read_text(), re.MULTILINE)
    assert match, f"{name} has no {pattern}"
    return match[1]


class Metadata(unittest.TestCase):
    version = find(r"^project\(ntt VERSION ([\d.]+)", "CMakeLists.txt")

    def test_version_of_the_citation(self):
        self.assertEqual(find(r"^version: (\S+)", "CITATION.cff"), self.version)

    def test_licence(self):
        self.assertEqual(find(r"^license: (\S+)", "CITATION.cff"), "Apache-2.0")
        self.assertIn("Apache License", (ROOT / "LICENSE").read_text()[:200])

    def test_releases(self):
        """The newest release in the change log is the one before this version, or this version itself."""
        releases = re.findall(r"^## \[(\d+)\.(\d+)\.(\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        numbers = [tuple(map(int, release)) for release in releases]
        self.assertEqual(numbers, sorted(set(numbers), reverse=True))
        self.assertTrue(all(number <= tuple(map(int, self.version.split("."))) for number in numbers))

    @unittest.skipUnless((ROOT / "pyproject.toml").exists(), "there is no Python package")
    def test_python_package(self):
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
        package = settings["project"]
        self.assertIn("version", package["dynamic"])
        provider = next(entry for entry in settings["tool"]["dynamic-metadata"] if entry.get("field") == "version")
        self.assertEqual(re.search(provider["regex"], (ROOT / provider["input"]).read_text())["value"], self.version)
        self.assertEqual(package["description"], find(r'DESCRIPTION "(.+)"', "CMakeLists.txt"))
        self.assertIn("Apache-2.0", str(package["license"]))


if __name__ == "__main__":
    unittest.main()

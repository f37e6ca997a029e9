"""Who may import whom: the arrows of the architecture, read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STANDARD = set(sys.stdlib_module_names)


def imports(path: Path) -> set[str]:
    """Top-level names of absolute imports, with one level below for our own packages."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            found.add(parts[0])
            if parts[0] in ("analyzer", "dissectors"):
                found.add(".".join(parts[:2]))
    return found


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", sources("dissectors"), ids=lambda path: path.stem)
def test_the_protocol_core_needs_only_the_standard_library(path):
    assert imports(path) <= STANDARD | {"dissectors"} | {
        name for name in imports(path) if name.startswith("dissectors.")
    }


@pytest.mark.parametrize("path", sources("analyzer"), ids=lambda path: str(path.name))
def test_the_tool_keeps_to_its_arrows(path):
    inside = path.relative_to(ROOT / "analyzer").parts
    found = imports(path)
    if inside[0] != "tui":
        assert not found & {"textual", "rich"}, "only the tui imports textual"
    if inside != ("sources", "live.py"):
        assert "scapy" not in found, "only the live source imports scapy"
    if inside[0] in ("sources", "link", "tcp", "rules", "filters", "index.py", "session.py"):
        assert not found & {"analyzer.tui", "analyzer.export", "analyzer.cli"}


@pytest.mark.parametrize("path", sources("dissectors"), ids=lambda path: path.stem)
def test_the_core_does_no_io(path):
    assert not imports(path) & {"socket", "logging", "time", "os", "io", "asyncio", "subprocess"}


def test_the_json_path_loads_neither_textual_nor_scapy(tmp_path):
    capture = ROOT / "captures" / "real" / "play-missing.pcap"
    script = (
        "import sys; from analyzer.cli import main\n"
        f"code = main([{str(capture)!r}, '--json', '-o', {str(tmp_path / 'out.json')!r}])\n"
        "assert code == 0, code\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'textual', 'rich', 'scapy'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_help_needs_no_numpy():
    script = (
        "import sys; from analyzer.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)

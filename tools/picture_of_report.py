"""Takes the picture of a report that README shows: `.venv/bin/python tools/picture_of_report.py` (needs chromium)."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from econsim.domain.execution import in_memory
from econsim.report.html import write_report
from econsim.runs import scenario_file
from econsim.runs.recorder import Recorder

WIDTH, HEIGHT = 1240, 1330
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "report.png"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def main() -> None:
    """Run genesis in memory, open its report, and keep what stands from its heading Markets on."""
    recorder = Recorder(None)
    for event in in_memory.run(scenario_file.load("genesis"), "genesis"):
        recorder.add(event)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as library:
        path = write_report(recorder.summary(), Path(directory) / "report.html")
        browser = library.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(path.as_uri())
        page.locator("[data-chart] + .save").last.wait_for()
        top = page.get_by_role("heading", name="Markets").bounding_box()
        assert top
        clip = {"x": 0, "y": top["y"] - 30, "width": WIDTH, "height": HEIGHT}
        page.screenshot(path=PICTURE, full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    main()

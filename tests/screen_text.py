"""Text of a screen of the terminal's views, as somebody would read it."""


def screen_text(pilot) -> str:
    """Return what is on the screen, line by line; no line is longer than the screen is wide."""
    width, height = pilot.app.size
    strips = pilot.app.screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip) for strip in strips]
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    return "\n".join(lines)

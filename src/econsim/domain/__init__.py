"""The economy itself, pure: state + command + time → events.

Four rules, held by `tests/test_architecture.py`: nothing here awaits; nothing reads a clock, the
environment or randomness (all are handed in); nothing knows the broker; imports are the standard library's
pure parts, pydantic, `econsim.errors`, `econsim.schemas`, `econsim.subjects` and this package.
"""

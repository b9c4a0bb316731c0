"""The economy itself, pure: state + command + time → events.

Four rules, held by `tests/test_architecture.py`: nothing here awaits; nothing reads a clock, the
environment or randomness (both are handed in); nothing knows the broker; imports are the standard
library's pure parts, `econsim.errors`, `econsim.schemas` and this package.
"""

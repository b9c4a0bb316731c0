"""Markets: commands, order books, mechanisms, settlement and events. Pure."""
